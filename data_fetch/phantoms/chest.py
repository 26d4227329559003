"""Soft tissue, lungs, heart, mediastinum, diaphragm and gas: path lengths in cm, and the masks.

Everything is described in the patient's coordinates (see `frame`). An ellipsoid-like part has the path length of an
ellipsoid; the lungs are what is left between chest wall, mediastinum and diaphragm.
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
# the lung's height); and the mediastinal side of the lung's apex, same units. Read off frontal films.
_LEVELS = [-0.2, 0.0, 0.02, 0.05, 0.10, 0.18, 0.30, 0.45, 0.62, 0.80, 1.0, 1.25, 1.6]
_LATERAL = [0.30, 0.40, 0.50, 0.57, 0.65, 0.74, 0.84, 0.92, 0.975, 1.0, 1.0, 0.97, 0.93]
_MEDIAL = [0.50, 0.40, 0.31, 0.255, 0.205, 0.17, 0.15, 0.14, 0.13, 0.125, 0.12, 0.12, 0.12]


@dataclass(frozen=True)
class Thorax:
    """The patient's chest as it stands at this exposure."""

    patient: Patient
    exposure: Exposure

    @cached_property
    def half(self) -> float:
        """Greatest inner half width, cm; a little less when little air was taken in."""
        return self.patient.diameter / 2 * (1 - 0.03 * (1 - self.exposure.inspiration))

    @cached_property
    def dome_y(self) -> dict[int, float]:
        """y of the two domes of the diaphragm, cm."""
        right = APEX + self.patient.lung_height - 5.0 * (1 - self.exposure.inspiration)
        return {-1: right, 1: right + self.patient.dome_difference}

    @cached_property
    def _levels(self) -> np.ndarray:
        return np.linspace(_LEVELS[0], _LEVELS[-1], 600)

    def lateral(self, y: np.ndarray) -> np.ndarray:
        """Inner half width of the thorax at y, cm."""
        table = PchipInterpolator(_LEVELS, _LATERAL)(self._levels) * self.half
        return np.interp((y - APEX) / self.patient.lung_height, self._levels, table)

    def medial(self, y: np.ndarray) -> np.ndarray:
        """Distance from the midline at which the lung begins at y, cm."""
        table = PchipInterpolator(_LEVELS, _MEDIAL)(self._levels) * self.half
        return np.interp((y - APEX) / self.patient.lung_height, self._levels, table)

    def diaphragm(self, u: np.ndarray, side: int) -> np.ndarray:
        """y of the diaphragm at distance u (cm) from the midline."""
        t = (u - 0.42 * self.half) / (0.58 * self.half)
        out = np.clip(t, 0, None)
        return self.dome_y[side] + 2.0 * np.where(t < 0, 0.7, 1.3) * t * t + 3.2 * out**6

    # -- heart ---------------------------------------------------------------------------------------------------------

    @cached_property
    def heart_outline(self) -> tuple[tuple[float, float], np.ndarray, np.ndarray]:
        """Centre (x, y), angles (K,) and radii (K,) in cm of the heart's silhouette on this film.

        The angle runs clockwise on the film from the patient's left. The true cardiothoracic ratio is reached exactly
        on a PA film at full inspiration; nearer to the tube (AP) and over a high diaphragm it looks larger.
        """
        p, e = self.patient, self.exposure
        # Half axes in units of the final width, before scaling: apex down and to the left, right atrium round.
        degrees = np.array([0, 25, 45, 70, 95, 120, 150, 180, 210, 240, 262, 285, 310, 335])
        long = np.array([1.00, 1.14, 1.06, 0.80, 0.68, 0.68, 0.76, 0.80, 0.80, 0.84, 0.90, 0.84, 0.80, 0.88])
        globe = np.array([1.06, 1.10, 1.00, 0.84, 0.76, 0.78, 0.88, 0.94, 0.94, 0.92, 0.94, 0.92, 0.94, 1.00])
        radius = long + (globe - long) * p.heart_round
        radius[12] += 0.04 * p.trunk_bulge
        turn = np.deg2rad(degrees) + 0.10 * (1 - e.inspiration) * np.sin(np.deg2rad(degrees) * 2)
        spline = CubicSpline(np.append(turn, turn[0] + 2 * np.pi), np.append(radius, radius[0]), bc_type="periodic")
        angle = np.linspace(0, 2 * np.pi, 721)
        radius = spline(angle)
        x = radius * np.cos(angle)
        width = p.ctr * p.diameter * e.magnification * (1 + 0.10 * (1 - e.inspiration))
        scale = width / (x.max() - x.min())
        radius = np.round(radius * scale, 9)
        left = min(p.left_share * width, 0.93 * self.half)
        centre_x = left - x.max() * scale + 0.6 * e.turn
        down = (radius * np.sin(angle)).max()
        centre_y = self.dome_y[1] + 1.6 - down * (0.97 - 0.02 * (1 - e.inspiration))
        return (round(float(centre_x), 9), round(float(centre_y), 9)), angle, radius

    def heart(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the heart's centre as a fraction of its radius there: below 1 is inside."""
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
    lung_field: np.ndarray  # 0-1, soft-edged: where lung is seen
    heart: np.ndarray
    lungs: np.ndarray


def _body(thorax: Thorax, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Path length of the body's outline: trunk, neck, shoulders, arms and breasts, as if all were soft tissue."""
    p, e = thorax.patient, thorax.exposure
    u = np.abs(x)
    wall = p.fat + 1.4
    half = thorax.lateral(y.astype(np.float32)).astype(np.float32) * 0.35 + thorax.half * 0.65 + wall
    half += 0.10 * np.clip(y - 8, 0, None) * p.fat
    depth = p.depth + 2.2 + p.fat
    trunk = depth * dome((x / half) ** 2) * (1 - 0.45 * fade(-(y + 8.5), 6))
    neck_top = 11.5 * dome((u / (5.6 + 0.5 * p.fat)) ** 2)
    # The shoulders' line falls from the neck to the acromion.
    line = (
        -15.2
        - 0.6 * p.clavicle_rise * 0.3
        + 0.26 * np.clip(u - 4.5, 0, None)
        + 1.6 * e.arm * np.clip((u - 8) / 8, 0, 1)
    )
    below = y - line
    girdle = 11.0 * np.sqrt(np.clip(below / 5.0, 0, 1)) * fade(thorax.half + wall + 8 - u, 2.5)
    girdle *= fade(4.0 - y + 0.25 * (u - thorax.half), 8)
    # Upper arm: a capsule from the shoulder joint downwards and outwards.
    joint, reach = thorax.half + 3.2 + 0.4 * wall, 3.0 + 7.0 * e.arm
    along = np.clip((y + 9) / 24, 0, 1)
    arm = 2 * np.sqrt(np.clip((4.2 + 0.5 * p.fat) ** 2 - (u - joint - reach * along) ** 2, 0, None)) * fade(y + 10, 2)
    trunk = np.maximum(trunk * fade(y + 14.5, 3), neck_top * fade(-(y + 9), 4))
    body = np.maximum(trunk, girdle * fade(u - 3, 3))
    body = np.maximum(body, arm) + 0.25 * np.minimum(body, arm)
    if p.breast:
        for side in SIDES:
            dx, dy = (x * side - 0.54 * thorax.half) / 6.6, y - p.breast_drop
            dy = np.where(dy > 0, dy / 4.2, dy / 8.0)
            body = body + p.breast * dome(dx * dx + dy * dy)
    else:
        for side in SIDES:
            body = body + 1.2 * dome(((x * side - 0.62 * thorax.half) / 6.5) ** 2 + ((y + 3) / 7.0) ** 2)
    return body


def _mediastinum(thorax: Thorax, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Path length of what stands between the lungs above the heart: great vessels, aorta, trachea's wall, hila."""
    p, e = thorax.patient, thorax.exposure
    wide = (1.12 if e.view == "AP" else 1.0) * (1.45 if p.wide_mediastinum else 1.0)
    x = x - 0.8 * e.turn
    base = thorax.half * 0.150
    # Right border: superior vena cava, nearly straight. Left border: subclavian artery, knuckle, descending aorta.
    right = base * wide * (1.10 - 0.10 * fade(y + 7, 4)) + 0.5 * p.unfolding * fade(y + 5, 5)
    left = base * wide * 0.95
    edge = np.where(x < 0, -x / right, x / left)
    body = 12.0 * np.sqrt(np.clip(1 - edge**4, 0, None)) * fade(y + 11.5, 5)
    knuckle_x, knuckle_y = base * wide * 0.9 + 0.5 * p.unfolding, -5.6 + 0.0 * p.unfolding
    r = p.knuckle * (1 + 0.12 * (wide - 1))
    arch = 7.0 * dome(((x - knuckle_x) / r) ** 2 + ((y - knuckle_y) / (1.15 * r)) ** 2)
    # The descending aorta leaves the knuckle without a notch and runs down beside the spine.
    down = knuckle_x - 0.1 * r - 0.10 * np.clip(y - knuckle_y, 0, None) * (1 - p.unfolding)
    descending = 4.5 * dome(((x - down) / (0.85 * r)) ** 2) * fade(y - knuckle_y, 1.5) * fade(9 - y, 6)
    trunk = 6.0 * dome(((x - base * 1.25) / (1.9 + 0.3 * p.trunk_bulge)) ** 2 + ((y + 2.0) / 2.8) ** 2)
    return np.maximum(np.maximum(body, arch), np.maximum(descending, trunk))


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
    solid = _mediastinum(thorax, x, y)
    lungs = (chamber > 0) & ~heart & (solid < 3.0)

    rho, near = rho.astype(np.float32), chamber.astype(np.float32)
    field = fade(near, max(0.5 * pixel, 0.06))
    # Front to back the lung is deepest behind the middle third and thin at the apex and along the chest wall.
    from_wall = np.clip((lateral.astype(np.float32) - np.abs(x)) / (0.55 * thorax.half), 0, 1)
    round_wall = np.sqrt(from_wall * (2 - from_wall))
    level = np.clip((y - APEX) / (0.55 * patient.lung_height), 0, 1)
    lung = patient.depth * field * (0.12 + 0.88 * round_wall) * (0.42 + 0.58 * level * (2 - level))
    # Behind the diaphragm a wedge of lung reaches lower than the dome that the film shows.
    recess = np.clip(1 + np.minimum(near, 0) / 4.0, 0, 1) * (lateral > np.abs(x64)) * (np.abs(x64) > medial)
    recess = 3.0 * recess * (1 - field) * (y > 0) * round_wall
    heart_path = (9.5 + 0.25 * patient.diameter * patient.ctr) * np.clip(1 - rho**2.4, 0, None) ** 0.42
    heart_path[y > thorax.dome_y[1] + 6] = 0
    lung = np.clip(lung - np.maximum(heart_path, solid), 0, None) + recess

    air = _airways(thorax, x, y)
    bubble_x, bubble_y = 0.42 * thorax.half, thorax.dome_y[1] + 2.6
    bubble = dome(((x - bubble_x) / (2.0 + 2.2 * patient.gas)) ** 2 + ((y - bubble_y) / (1.0 + 1.2 * patient.gas)) ** 2)
    air = air + 5.0 * patient.gas * bubble * fade(thorax.dome_y[1] + 3.6 - y, 0.25)
    return Paths(
        soft=_body(thorax, x, y).astype(np.float32),
        lung=lung.astype(np.float32),
        air=air.astype(np.float32),
        lung_field=(field * np.clip(lung / 4, 0, 1)).astype(np.float32),
        heart=heart,
        lungs=lungs,
    )
