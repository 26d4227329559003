"""Soft tissue, lungs, heart, mediastinum, diaphragm and gas: path lengths in cm, and the masks.

Everything is in patient coordinates (see `frame`). An ellipsoid-like part has the path length of an ellipsoid; the lungs
are the remaining space between chest wall, mediastinum and diaphragm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from .anatomy import Exposure, Patient
from .frame import Frame, dome, fade

SIDES = (-1, 1)  # the patient's right (image left), left (image right)
APEX = -12.5  # y of the lungs' apices, cm: above the hila

# Half width of the thorax inside the ribs, as a fraction of the greatest, against depth below the apex (fraction of
# the lung's height); and the mediastinal side of the lung's apex, in the same units. Read off frontal films.
_LEVELS = [-0.2, 0.0, 0.02, 0.05, 0.10, 0.18, 0.30, 0.45, 0.62, 0.80, 1.0, 1.25, 1.6]
_LATERAL = [0.30, 0.36, 0.45, 0.53, 0.63, 0.735, 0.845, 0.93, 0.98, 1.0, 0.995, 0.97, 0.94]
_MEDIAL = [0.50, 0.36, 0.275, 0.22, 0.175, 0.145, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1]

_FINE = np.linspace(_LEVELS[0], _LEVELS[-1], 600)
_LATERAL_FINE, _MEDIAL_FINE = (PchipInterpolator(_LEVELS, shape)(_FINE) for shape in (_LATERAL, _MEDIAL))


@dataclass(frozen=True)
class Thorax:
    """The patient's chest during this exposure."""

    patient: Patient
    exposure: Exposure

    @cached_property
    def half(self) -> float:
        """Greatest inner half width, cm; slightly less after shallow inspiration."""
        return self.patient.diameter / 2 * (1 - 0.03 * (1 - self.exposure.inspiration))

    @cached_property
    def dome_y(self) -> dict[int, float]:
        """y of the two domes of the diaphragm, cm."""
        right = APEX + self.patient.lung_height - 5.0 * (1 - self.exposure.inspiration)
        return {-1: right, 1: right + self.patient.dome_difference}

    def lateral(self, y: np.ndarray) -> np.ndarray:
        """Inner half width of the thorax at y, cm."""
        return np.interp((y - APEX) / self.patient.lung_height, _FINE, _LATERAL_FINE * self.half)

    def medial(self, y: np.ndarray) -> np.ndarray:
        """Distance from the midline at which the lung begins at y, cm; below the apex the mediastinum determines it."""
        return np.interp((y - APEX) / self.patient.lung_height, _FINE, _MEDIAL_FINE * self.half)

    def diaphragm(self, u: np.ndarray, side: int) -> np.ndarray:
        """y of the diaphragm at distance u (cm) from the midline."""
        t = (u - 0.42 * self.half) / (0.58 * self.half)
        out = np.clip(t, 0, None)
        return self.dome_y[side] + 2.0 * np.where(t < 0, 0.8, 0.9) * t * t + 2.9 * out**4

    # -- heart ---------------------------------------------------------------------------------------------------------

    @cached_property
    def heart_outline(self) -> tuple[tuple[float, float], np.ndarray, np.ndarray]:
        """Centre (x, y), angles (K,) and radii (K,) in cm of the heart's silhouette on this film.

        The angle runs clockwise on the film from the patient's left. The ratio equals the true cardiothoracic ratio on a
        PA film at full inspiration; nearer to the tube (AP) and over a high diaphragm it appears larger.
        """
        p, e = self.patient, self.exposure
        # Half axes in units of the final width, before scaling: apex down and to the left, right atrium round.
        degrees = np.array([0, 25, 45, 70, 95, 120, 150, 180, 210, 240, 262, 285, 310, 335])
        long = np.array([1.02, 1.20, 1.08, 0.80, 0.68, 0.70, 0.80, 0.80, 0.80, 0.88, 0.98, 0.96, 0.86, 0.88])
        globe = np.array([1.08, 1.16, 1.04, 0.84, 0.74, 0.78, 0.90, 0.94, 0.92, 0.94, 1.00, 1.00, 0.96, 1.00])
        radius = long + (globe - long) * p.heart_round
        radius[12] += 0.04 * p.trunk_bulge
        turn = np.deg2rad(degrees) + 0.10 * (1 - e.inspiration) * np.sin(np.deg2rad(degrees) * 2)
        spline = CubicSpline(np.append(turn, turn[0] + 2 * np.pi), np.append(radius, radius[0]), bc_type="periodic")
        angle = np.linspace(0, 2 * np.pi, 721)
        radius = spline(angle)
        x = radius * np.cos(angle)
        width = p.ctr * p.diameter * e.magnification * (1 + 0.08 * (1 - e.inspiration))
        scale = width / (x.max() - x.min())
        radius = np.round(radius * scale, 9)
        left = min(p.left_share * width, 0.93 * self.half)
        centre_x = left - x.max() * scale + 0.6 * e.turn
        down = (radius * np.sin(angle)).max()
        centre_y = self.dome_y[1] + 1.6 - down * (0.97 - 0.02 * (1 - e.inspiration))
        return (round(float(centre_x), 9), round(float(centre_y), 9)), angle, radius

    def heart(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the heart's centre as a fraction of its radius in that direction: below 1 is inside."""
        (cx, cy), angle, radius = self.heart_outline
        dx, dy = x - cx, y - cy
        here = np.arctan2(dy, dx)
        here[here < 0] += 2 * np.pi
        return np.hypot(dx, dy) / np.interp(here, angle, radius)


@dataclass
class Paths:
    """Path lengths through the chest in cm (float32, (size, size)) and the exact masks (bool)."""

    soft: np.ndarray
    lung: np.ndarray
    air: np.ndarray
    lung_field: np.ndarray  # 0-1, soft-edged: where lung is visible
    heart_path: np.ndarray  # cm through the heart
    heart: np.ndarray
    lungs: np.ndarray


def _body(thorax: Thorax, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Path length through the body: trunk, neck, shoulders, arms and breasts, as if all were soft tissue."""
    p, e = thorax.patient, thorax.exposure
    u = np.abs(x)
    wall = p.fat + 2.0
    half = thorax.half + wall - 0.030 * np.clip(2 - y, 0, None) ** 1.5 + 0.10 * np.clip(y - 8, 0, None) * p.fat
    depth = p.depth + 2.2 + p.fat
    # Shoulder line: the neck widens in a curve, the trapezius slopes to the acromion, the deltoid rounds it off.
    beyond = np.clip(u - 4.6 - 0.4 * p.fat, 0, None) * 0.45
    slope = 0.16 + 0.08 * (1 - e.arm)
    line = -15.4 + slope * np.clip(u - 7.8, 0, None) - 0.25 * p.clavicle_rise - 7.0 / (1 + beyond * beyond)
    line += 0.05 * np.clip(u - thorax.half - 3, 0, None) ** 2
    skin = np.sqrt(np.clip((y - line) / 3.6, 0, 1))
    across = u / np.clip(half, 4, None)
    section = dome(across * across * across)  # a trunk is flatter in front and at the back than an ellipse
    trunk = depth * section * (1 - 0.42 * fade(-(y + 8), 6)) * fade(y + 16, 4) * skin
    trunk += 0.25 * depth * fade(y - thorax.dome_y[-1] + 1.5, 4.5) * section  # abdomen
    neck = (10.5 + 0.5 * p.fat) * dome((u / (5.4 + 0.5 * p.fat)) ** 4) * fade(-(y + 9), 4)
    girdle = (10.0 + 1.0 * p.fat + 2.0 * fade(u - 8, 5)) * skin
    girdle *= fade(3.5 + 0.30 * (u - thorax.half) - y, 7)
    # Upper arm: a capsule from the shoulder joint downwards and outwards.
    joint, reach = thorax.half + 3.4 + 0.4 * wall, 2.0 + 7.0 * e.arm
    along = np.clip((y + 9) / 24, 0, 1)
    radius = 4.0 + 0.6 * p.fat
    arm = 1.9 * np.sqrt(np.clip(radius**2 - (u - joint - reach * along) ** 2, 0, None)) * fade(y + 9, 4)
    body = np.maximum(np.maximum(trunk, neck), np.maximum(girdle, arm))
    body = body + 0.3 * np.minimum(girdle, arm) + 0.15 * np.minimum(trunk, np.maximum(girdle, arm))
    if p.breast:
        for side in SIDES:
            dx, dy = (x * side - 0.56 * thorax.half) / 6.4, y - p.breast_drop
            q = np.clip(1 - dx * dx - np.where(dy > 0, dy / 4.2, dy / 9.5) ** 2, 0, None)
            # The upper slope merges into the chest wall, the lower one ends in a fold.
            lower = fade(dy, 4)
            body += p.breast * q * (lower * 1.3 / (q + 0.3) + (1 - lower) * q)
    else:
        for side in SIDES:
            body = body + 1.0 * dome(((x * side - 0.62 * thorax.half) / 7.5) ** 2 + ((y + 4) / 9.0) ** 2) ** 4
    return body


def _mediastinum(thorax: Thorax, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Path length of the structures between the lungs above the heart: great vessels, aorta, pulmonary trunk."""
    p, e = thorax.patient, thorax.exposure
    wide = (1.12 if e.view == "AP" else 1.0) * (1.45 if p.wide_mediastinum else 1.0)
    x = x - 0.8 * e.turn
    base = thorax.half * 0.165 * wide
    heart_x = thorax.heart_outline[0][0]
    # The borders depend only on the height: computed on a line, then interpolated for every pixel.
    level = np.linspace(-25, 25, 1001)
    # Right border: superior vena cava, nearly straight, then the ascending aorta in older patients.
    right = base * 1.05 + 0.9 * p.unfolding * fade(level + 4, 5) - 0.3 * fade(-(level + 7), 3)
    # Left border: subclavian artery, knuckle, a shallow bay, pulmonary trunk, then the heart without a notch.
    r = p.knuckle * (1 + 0.15 * (wide - 1))
    arch = -6.2 + 0.6 * p.unfolding
    reach = 0.55 * r + 0.9 * p.unfolding
    left = base * 0.95 - 0.4 * fade(-(level + 8), 3)
    left += reach * dome(((level - arch) / (1.35 * r)) ** 2)
    left += (0.5 + 0.35 * p.trunk_bulge + 0.4 * p.unfolding) * np.clip(1 - ((level + 1.8) / 3.8) ** 2, 0, None)
    cone = np.clip(level + 2.6, 0, None) * min(max(0.5 * (heart_x + 2.0) / 4.0, 0.2), 0.9)
    left += np.minimum(cone, max(0.0, 0.45 * (heart_x + thorax.heart_outline[2][0]) - base))
    thick = p.depth * (0.60 + 0.22 * fade(level + 7.0, 6))
    edge = np.where(x < 0, -x * np.interp(y, level, 1 / right), x * np.interp(y, level, 1 / left))
    edge *= edge
    path = np.interp(y, level, thick) * np.sqrt(np.clip(1 - edge * edge, 0, None))
    # The knuckle is slightly denser, and the descending aorta continues from it as a faint stripe.
    knuckle_x = base * 0.95 + reach - r
    path += 0.8 * dome(((x - knuckle_x) / r) ** 2 + ((y - arch) / (1.25 * r)) ** 2)
    down = np.interp(y, level, knuckle_x - 0.07 * np.clip(level - arch, 0, None) * (1 - 1.2 * p.unfolding))
    stripe = 1.3 * fade(level - arch, 1.8) * fade(10 - level, 6)
    return path + np.interp(y, level, stripe) * dome(((x - down) / (0.9 * r)) ** 2)


def _hila(thorax: Thorax, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Extra path of the pulmonary arteries and veins where they converge, cm: comma-shaped, the left one higher."""
    total = np.zeros_like(x)
    for side in SIDES:
        u, v = x * side - 0.245 * thorax.half, y + 1.0 + (0.9 if side > 0 else 0.0)
        lean = u - 0.25 * v
        total += 4.5 * np.clip(1 - (lean / 2.4) ** 2 - (v / 4.2) ** 2, 0, None) ** 2
    return total


def _airways(thorax: Thorax, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gas in the trachea and the main bronchi, cm."""
    e, p = thorax.exposure, thorax.patient
    carina = -3.6
    x = x - 0.9 * e.turn + 0.35 * p.unfolding * fade(y + 7, 3)
    air = 1.7 * dome((x / 0.95) ** 2) * fade(carina - y, 0.8) * fade(y + 19, 1)
    for side, slope in ((-1, 0.75), (1, 1.15)):
        air = np.maximum(
            air,
            1.2
            * dome(((x - side * slope * (y - carina)) / (0.75 + 0.3 * slope)) ** 2)
            * fade(y - carina + 0.6, 0.8)
            * fade(-0.8 - y, 1.0),
        )
    return air


def project(patient: Patient, exposure: Exposure, frame: Frame) -> Paths:
    """Path lengths of the chest on this film, and the masks of heart and lungs."""
    thorax = Thorax(patient, exposure)
    x64, y64 = frame.xy
    x, y = x64.astype(np.float32), y64.astype(np.float32)
    pixel = frame.spacing / frame.zoom

    lateral, medial = thorax.lateral(y64), thorax.medial(y64)
    inside = []
    for side in SIDES:
        u = x64 * side
        inside.append(np.minimum(np.minimum(lateral - u, u - medial), thorax.diaphragm(u, side) - y64))
    chamber = np.maximum(*inside)  # cm inside the lungs' border (negative outside); one side at a time can be positive
    rho = thorax.heart(x64, y64)
    heart = rho < 1
    solid = _mediastinum(thorax, x64, y64)
    lungs = (chamber > 0) & ~heart & (solid < 3.0)

    rho, near = rho.astype(np.float32), chamber.astype(np.float32)
    field = fade(near, max(0.5 * pixel, 0.06))
    # Front to back, the lung is deepest behind the middle third and thin at the apex and along the chest wall.
    from_wall = np.clip((lateral.astype(np.float32) - np.abs(x)) / (0.6 * thorax.half), 0, 1)
    round_wall = np.sqrt(from_wall * (2 - from_wall))
    level = np.clip((y - APEX) / (0.70 * patient.lung_height) + 0.1, 0, 1)
    lung = patient.depth * field * (0.14 + 0.86 * round_wall) * (0.46 + 0.54 * level * level * (3 - 2 * level))
    # Over the dome the lung ends on a slope, so it thins towards the base, most in the costophrenic angle.
    base = np.clip((y - (thorax.dome_y[-1] - 7)) / 12, 0, 1)
    lung *= 1 - 0.45 * base
    # Behind the diaphragm a wedge of lung extends below the dome visible on the film.
    recess = np.clip(1 + np.minimum(near, 0) / 5.0, 0, 1) ** 2 * fade(x.dtype.type(thorax.half) * 0.97 - np.abs(x), 1.5)
    recess = 3.0 * recess * (1 - field) * (y > 0) * round_wall * fade(np.abs(x) - 2.5, 1.5)
    heart_path = (0.52 * patient.depth + 0.30 * patient.diameter * patient.ctr) * np.clip(1 - rho**2.4, 0, None) ** 0.42
    heart_path[y > thorax.dome_y[1] + 6] = 0
    lung = np.clip(lung - np.maximum(heart_path, solid) - _hila(thorax, x, y), 0, None) + recess

    air = _airways(thorax, x, y)
    bubble_x, bubble_y = 0.42 * thorax.half, thorax.dome_y[1] + 2.6
    bubble = dome(((x - bubble_x) / (2.0 + 2.2 * patient.gas)) ** 2 + ((y - bubble_y) / (1.0 + 1.2 * patient.gas)) ** 2)
    air = air + 5.0 * patient.gas * bubble * fade(thorax.dome_y[1] + 3.6 - y, 0.25)
    return Paths(
        soft=_body(thorax, x, y).astype(np.float32),
        lung=lung.astype(np.float32),
        air=air.astype(np.float32),
        lung_field=(field * np.clip(lung / 4, 0, 1)).astype(np.float32),
        heart_path=heart_path.astype(np.float32),
        heart=heart,
        lungs=lungs,
    )
