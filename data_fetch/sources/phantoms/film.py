"""One film: anatomy, projection, physics and display combined.

A finding changes path lengths between `chest.project` and `line_integral` (gas next to a lung, water in it); a device
adds attenuation before `expose`; a mark burnt into the picture comes after `develop`, like the side marker. Each has its
own module, which takes the thorax and the frame and returns path lengths and a mask: `collapse`, `devices`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import bones, chest, collapse, devices, vessels
from .anatomy import Exposure, Patient
from .display import develop, side_marker
from .frame import Frame, gaussian_texture
from .physics import enlarge, expose, line_integral

FIELD = 36.5  # side of the film, cm; larger if it would cut off a lung
FINEST = 256  # smaller films are drawn at a whole multiple of their size, at least this, and averaged down
SCATTER = {"PA": 0.28, "AP": 0.42}  # of the blurred primary beam; without a grid (AP, at the bedside) there is more


@dataclass(frozen=True)
class Additions:
    """What a film shows in addition to the patient's anatomy."""

    pneumothorax: collapse.Pneumothorax | None = None
    drain: devices.Drain | None = None
    fold: devices.SkinFold | None = None


@dataclass(frozen=True)
class Film:
    """image: uint8 (size, size); heart, lungs: bool (size, size), exact; ctr_seen: apparent cardiothoracic ratio.

    pneumothorax, drain, fold: bool (size, size), exact, empty if there is none. The lungs' mask is the space for the
    lungs, including any gas next to them. severity: the fraction of that space on its side filled by gas, 0-1.
    """

    image: np.ndarray
    heart: np.ndarray
    lungs: np.ndarray
    ctr_seen: float
    pneumothorax: np.ndarray
    drain: np.ndarray
    fold: np.ndarray
    severity: float


def columns(mask: np.ndarray) -> int:
    """Greatest horizontal extent of a mask, in pixels (0 if empty)."""
    found = np.flatnonzero(mask.any(axis=0))
    return int(found[-1] - found[0] + 1) if len(found) else 0


def render(patient: Patient, exposure: Exposure, size: int, additions: Additions | None = None) -> Film:
    """Draw one film of `size` x `size` pixels (64 to 1024); the same arguments always give the same film."""
    step = -(-FINEST // size)
    field = max(FIELD, patient.diameter * exposure.zoom + 2 * abs(exposure.shift[0]) + 1.6)
    frame = Frame(size * step, round(field, 9), exposure.shift, exposure.tilt, exposure.zoom)
    thorax = chest.Thorax(patient, exposure)
    paths = chest.project(patient, exposure, frame)
    tubes = vessels.project(patient, thorax, frame) * paths.lung_field * np.clip(paths.lung / 9, 0, 1)
    rng = np.random.default_rng([exposure.noise, 2])
    grain = gaussian_texture(np.random.default_rng([patient.texture, 3]), 128)
    grain = enlarge(grain, -(-frame.size // 128))[: frame.size, : frame.size]
    soft, air, marks = paths.soft, paths.air, 0.15 * grain * paths.lung_field
    whole, extra = paths.lung, additions or Additions()
    device = np.zeros_like(soft)
    masks = {name: np.zeros((frame.size, frame.size), bool) for name in ("pneumothorax", "drain", "fold")}
    severity = 0.0
    if extra.pneumothorax:
        shrunken = collapse.project(extra.pneumothorax, thorax, frame, paths)
        masks["pneumothorax"] = shrunken.gas
        air = air + collapse.GAS * whole * (1 - shrunken.inside)
        side = frame.xy[0] * extra.pneumothorax.side > 0
        severity = float(shrunken.gas.sum() / max(1, (paths.lungs & side).sum()))
        denser = np.where(side, np.float32(collapse.density_left(extra.pneumothorax)), np.float32(1))
        whole = whole * shrunken.inside * denser
        tubes, marks = tubes * shrunken.shown, marks * shrunken.shown
        soft = soft + shrunken.line
    if extra.fold:
        skin, masks["fold"] = devices.project_fold(extra.fold, thorax, frame)
        soft = soft + skin
    if extra.drain:
        device, masks["drain"] = devices.project_drain(extra.drain, thorax, frame)
    lung = np.clip(whole - tubes + marks, 0, None)
    bone = bones.project(thorax, frame) * np.clip(paths.soft, 0, 1)
    # Scatter rises inside the heart as it does below the diaphragm (see bones) and washes out the ribs there.
    bone *= 1 - 0.45 * np.clip(paths.heart_path / 12, 0, 1)
    attenuation = line_integral(soft, lung, air, bone) + device
    attenuation = ndimage.gaussian_filter(attenuation, 0.04 / frame.spacing, truncate=3)
    signal = expose(attenuation, frame.spacing, exposure.milliamps, SCATTER[exposure.view], rng)
    grey = develop(signal, paths.soft > 6, frame.spacing, exposure)
    letter = side_marker(frame.size, exposure)
    grey += letter * (0.94 - grey)
    heart, lungs = paths.heart, paths.lungs
    if step > 1:

        def shrink(a: np.ndarray) -> np.ndarray:
            return a.reshape(size, step, size, step).mean((1, 3))

        grey, heart, lungs = shrink(grey), shrink(heart) >= 0.5, shrink(lungs) > 0.5
        masks = {name: shrink(mask) > 0.5 for name, mask in masks.items()}
    seen = columns(heart) / max(1, columns(lungs))
    return Film(np.round(grey * 255).astype(np.uint8), heart, lungs, seen, severity=severity, **masks)
