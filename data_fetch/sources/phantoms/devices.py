"""Objects on or in the chest that are not a disease: a chest drain, and a fold of skin behind the patient's back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from .chest import APEX, Thorax
from .frame import Canvas, Frame, fade

TUBE, BORE, STRIPE = 0.90, 0.56, 0.20  # cm: outer and inner width of the tube, width of its radio-opaque stripe
# Attenuation (no unit) added by the tube's wall at its rim, its whole width, and the stripe with barium in it.
RIM, BODY, LEAD = 0.28, 0.18, 0.75

FOLD_WIDTH = 4.0  # cm over which a fold of skin thickens before it ends in an edge
FOLD_FADE = 1.5  # cm over which it fades out at its ends


@dataclass(frozen=True)
class Drain:
    """side : -1 right, +1 left. points : (5, 2) in (half widths of the chest, fraction of the lung's height from the
    apex down), from the skin to the tip."""

    side: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SkinFold:
    """side as above. edge : position of its edge at the height of the hila, in half widths; lean : its slant; bow : its
    curvature; path : cm of soft tissue at the edge; ends : upper and lower end, fractions of the lung's height."""

    side: int
    edge: float
    lean: float
    bow: float
    path: float
    ends: tuple[float, float]


def sample_drain(rng: np.random.Generator, side: int) -> Drain:
    """A drain through the side of the chest; most point to the apex, as for gas, some to the base."""
    entry = rng.uniform(0.52, 0.68)
    if rng.random() < 0.75:
        way = [(1.22, entry + 0.10), (1.00, entry), (0.80, entry - 0.20), (0.64, entry - 0.36), (0.50, 0.16)]
    else:
        way = [(1.22, entry + 0.06), (1.00, entry), (0.78, entry + 0.02), (0.55, entry + 0.12), (0.36, entry + 0.18)]
    points = np.array(way) + rng.normal(0, [0.02, 0.025], (5, 2))
    return Drain(side, tuple((float(a), float(b)) for a, b in points))


def sample_fold(rng: np.random.Generator, side: int) -> SkinFold:
    """A fold whose edge runs down the outer half of the lung, as a pleural line would."""
    upper = rng.uniform(0.02, 0.25)
    return SkinFold(
        side=side,
        edge=float(rng.uniform(0.48, 0.86)),
        lean=float(rng.normal(0.10, 0.16)),
        bow=float(rng.uniform(0.0, 0.45)),
        path=float(rng.uniform(1.1, 2.0)),
        ends=(float(upper), float(upper + rng.uniform(0.55, 1.0))),
    )


def project_drain(drain: Drain, thorax: Thorax, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation that the drain adds, float32, and its mask, bool, both (size, size)."""
    height = thorax.dome_y[drain.side] - APEX
    given = np.array(drain.points)
    points = np.column_stack([drain.side * given[:, 0] * thorax.half, APEX + given[:, 1] * height])
    # Rounded, so that the last bit of a spline cannot move a corner of a polygon.
    way = np.round(CubicSpline(np.arange(5), points)(np.linspace(0, 4, 60)), 6)
    tube, bore, stripe = Canvas(frame), Canvas(frame), Canvas(frame)
    tube.band(way, TUBE)
    bore.band(way, BORE)
    stripe.band(way[:-3], STRIPE)
    outer = tube.coverage()
    added = RIM * (outer - bore.coverage()) + BODY * outer + LEAD * stripe.coverage()
    return added.astype(np.float32), outer >= 0.5


def project_fold(fold: SkinFold, thorax: Thorax, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Path of the folded skin in cm, float32, and its mask, bool (the thick half next to the edge)."""
    x, y = frame.xy
    level = (y - APEX) / (thorax.dome_y[fold.side] - APEX)  # 0 at the apex, 1 at the diaphragm
    middle = level - 0.5
    edge = (fold.edge + fold.lean * middle - fold.bow * middle * middle) * thorax.half
    beyond = x * fold.side - edge  # cm, positive on the outer side, where the film is dark again
    along = np.minimum(level - fold.ends[0], fold.ends[1] - level) * (thorax.dome_y[fold.side] - APEX)
    rise = np.clip(1 + beyond / FOLD_WIDTH, 0, 1)
    path = fold.path * rise * rise * fade(-beyond, 0.05) * fade(along, FOLD_FADE)
    mask = (beyond < 0) & (beyond > -FOLD_WIDTH / 2) & (along > 0)
    return path.astype(np.float32), mask
