"""The patient on a film (`Patient`) and how it was taken (`Exposure`). All lengths in cm.

Sizes follow textbook adults: inner thoracic diameter 23-33 cm, cardiothoracic ratio of healthy adults 0.42-0.50 on a
PA film (Danzer 1919; the limit of 0.5 is the usual reading rule), aortic knuckle below 4 cm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Patient:
    """Anatomy shared by all films of one patient."""

    number: int
    sex: str  # "F" or "M"
    age: int  # years
    ctr: float  # true cardiothoracic ratio: PA film, full inspiration
    wide_mediastinum: bool
    diameter: float  # greatest inner width of the thorax, cm
    lung_height: float  # apex to the right dome at full inspiration, cm
    depth: float  # lung from front to back at its deepest, cm
    fat: float  # thickness of the chest wall, cm
    breast: float  # greatest thickness added by a breast, cm (0 for men)
    breast_drop: float  # distance of a breast's centre below the hila, cm
    left_share: float  # fraction of the heart's width that is left of the midline
    heart_round: float  # 0 long and oblique ... 1 globular
    trunk_bulge: float  # pulmonary trunk on the left border, -1 hollow ... 1 full
    knuckle: float  # radius of the aortic knuckle, cm
    unfolding: float  # of the thoracic aorta, 0-1, grows with age
    dome_difference: float  # how much lower the left dome is, cm
    rib_spacing: float
    rib_drop: float  # from the neck of a rib to its front end, cm
    rib_phase: float
    clavicle_rise: float
    spine_curve: float  # sideways bow of the thoracic spine, cm
    bone_density: float  # 1 = healthy, falls with age
    gas: float  # size of the stomach bubble, 0-1
    texture: int  # seed of the vessels and all other texture


@dataclass(frozen=True)
class Exposure:
    """What differs between films of one patient."""

    view: str  # "PA" or "AP"
    inspiration: float  # 0-1
    shift: tuple[float, float]
    tilt: float
    zoom: float
    turn: float  # patient rotated about the body's axis: midline structures move sideways, cm
    magnification: float  # of the heart against the thorax: 1 on a PA film
    arm: float  # 0 arms hang ... 1 shoulders rolled forward, arms away
    milliamps: float  # exposure relative to the standard one
    gamma: float
    contrast: float
    brightness: float
    marker: str  # "L" or "R"
    marker_place: tuple[float, float]  # fraction of the film, from the marker's own side and from the top
    noise: int  # seed


def sample_patient(rng: np.random.Generator, number: int, ctr: float) -> Patient:
    """Sample a patient; only the heart's width depends on `ctr`."""
    sex = "F" if rng.random() < 0.45 else "M"
    male = sex == "M"
    age = int(np.clip(rng.normal(54, 17), 19, 93))
    old = float(np.clip((age - 35) / 50, 0, 1))
    habitus = float(rng.normal(0, 1))
    diameter = float(np.clip(rng.normal(28.5 if male else 25.6, 1.5), 22.5, 33))
    return Patient(
        number=number,
        sex=sex,
        age=age,
        ctr=ctr,
        wide_mediastinum=bool(rng.random() < 0.15),
        diameter=diameter,
        lung_height=diameter * float(rng.uniform(0.76, 0.90)),
        depth=float(np.clip(rng.normal(18.5 if male else 16.5, 1.4) + 0.6 * habitus, 13, 23)),
        fat=float(np.clip(1.8 + 0.8 * habitus + rng.normal(0, 0.3), 0.7, 4.5)),
        breast=0.0 if male else float(np.clip(2.9 + 1.0 * habitus + rng.normal(0, 0.7), 0.8, 5.5)),
        breast_drop=float(rng.uniform(4.0, 7.0) + 1.5 * old),
        left_share=float(rng.uniform(0.62, 0.73)),
        heart_round=float(rng.beta(2.2, 2.2)),
        trunk_bulge=float(rng.uniform(-1, 1)),
        knuckle=float(rng.uniform(1.25, 1.7) + 0.45 * old),
        unfolding=float(np.clip(old * rng.uniform(0.2, 1.2), 0, 1)),
        dome_difference=float(rng.uniform(0.4, 2.0)),
        rib_spacing=float(rng.uniform(2.45, 2.8)) * diameter / 27.5,
        rib_drop=float(rng.uniform(9.0, 13.5)),
        rib_phase=float(rng.uniform(-0.6, 0.6)),
        clavicle_rise=float(rng.uniform(-0.8, 1.4)),
        spine_curve=float(rng.normal(0, 0.35)),
        bone_density=float(np.clip(rng.normal(1.05, 0.1) - 0.3 * old, 0.6, 1.3)),
        gas=float(np.clip(rng.uniform(-0.3, 1), 0, 1)),
        texture=int(rng.integers(2**31)),
    )


def sample_exposure(rng: np.random.Generator, ap_share: float = 0.35) -> Exposure:
    """Sample an exposure, independently of the patient, so that neither view nor quality reveals the label."""
    ap = bool(rng.random() < ap_share)
    return Exposure(
        view="AP" if ap else "PA",
        inspiration=float(rng.beta(3, 2) if ap else rng.beta(6, 1.6)),
        shift=(float(rng.normal(0, 1.1)), float(rng.normal(0, 1.1))),
        tilt=float(rng.normal(0, 0.035 if ap else 0.02)),
        zoom=float(np.clip(rng.normal(1.0, 0.07), 0.85, 1.18)),
        turn=float(rng.normal(0, 0.55 if ap else 0.3)),
        magnification=float(rng.uniform(1.05, 1.12)) if ap else 1.0,
        arm=float(rng.uniform(0, 0.35) if ap else rng.uniform(0.5, 1)),
        milliamps=float(np.exp(rng.normal(0, 0.25))),
        gamma=float(np.exp(rng.normal(0, 0.10))),
        contrast=float(np.exp(rng.normal(0, 0.06))),
        brightness=float(rng.normal(0, 0.025)),
        marker="L" if rng.random() < 0.5 else "R",
        marker_place=(float(rng.uniform(0.05, 0.10)), float(rng.uniform(0.05, 0.22))),
        noise=int(rng.integers(2**31)),
    )
