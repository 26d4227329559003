"""Pneumothorax: gas between the chest wall and a lung that has shrunk towards its hilum.

The border of the shrunken lung is the outline of the chest, moved towards a point low at the mediastinum: most at the
apex, where gas gathers in a patient who sits or stands, less along the wall, least at the diaphragm. Beyond the border
there is no lung and thus no vessel; the border itself, the visceral pleura, is a thin line, because rays run along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chest import APEX, Paths, Thorax
from .frame import Frame, fade

GAS = 0.83  # of the lung's former path: wall and lung bulge into the space, so a ray rarely crosses only gas
LINE_WIDTH, LINE_PATH = 0.16, 1.2  # cm: half width on the film, and path through the pleura at its middle
ROUNDING = 1.0  # cm inside the border over which a lung reaches its full depth, as it curves away from the rays


@dataclass(frozen=True)
class Pneumothorax:
    """One film's finding.

    side : -1 the patient's right, +1 left. collapse : how far the lung retracted, 0.03 (a sliver at the apex) to 0.6.
    base : fraction of that at the diaphragm, 0-1. wave : phase of the border's gentle waves.
    """

    side: int
    collapse: float
    base: float
    wave: float


@dataclass
class Collapsed:
    """The effect of the finding on a film: float32 and bool arrays (size, size)."""

    inside: np.ndarray  # 0-1: how much of the lung's depth is still lung
    shown: np.ndarray  # 0-1: whether vessels, which end at the pleura, are visible
    line: np.ndarray  # path through the visceral pleura, cm
    gas: np.ndarray  # bool, exact: where there is only gas between wall and lung


def sample(rng: np.random.Generator, side: int, collapse: float) -> Pneumothorax:
    """Sample the shape of a pneumothorax of a given size."""
    return Pneumothorax(side, collapse, float(rng.uniform(0.05, 0.5)), float(rng.uniform(0, 2 * np.pi)))


def project(finding: Pneumothorax, thorax: Thorax, frame: Frame, paths: Paths) -> Collapsed:
    """Where lung remains and where gas is; the mask is computed in float64, so that no pixel depends on the processor."""
    x, y = frame.xy
    u = x * finding.side
    bottom = thorax.dome_y[finding.side]
    height = bottom - APEX
    root_u, root_y = 0.25 * thorax.half, bottom - 0.12 * height
    level = np.clip((bottom - y) / height, 0, 1)  # 0 at the dome of the diaphragm, 1 at the apex
    # Two parabolas replace the sine, whose last bit differs between processors.
    turn = (level * 1.6 + finding.wave / (2 * np.pi)) % 1.0
    wave = 4 * turn * (1 - turn) * 2 - 4 / 3
    across = 1 - 1.2 * finding.collapse * (finding.base + (1 - finding.base) * level) * (1 + 0.10 * wave)
    down = 1 - 0.7 * finding.collapse
    from_u = np.where(u > root_u, root_u + (u - root_u) / across, u)
    from_y = np.where(y < root_y, root_y + (y - root_y) / down, y)
    within = np.minimum(thorax.lateral(from_y) - from_u, from_u - thorax.medial(from_y))
    pixel = frame.spacing / frame.zoom
    slope = np.hypot(*np.gradient(within, pixel))
    depth = within / np.clip(slope, 0.4, None)  # cm from the pleura, positive inside the lung
    ours = u > 0
    gas = paths.lungs & ours & (within < 0)

    near = depth.astype(np.float32)
    round_ = np.clip(near / ROUNDING, 0, 1)
    inside = np.sqrt(round_ * (2 - round_))
    # Where the lung still touches the mediastinum and the diaphragm, nothing changes.
    inside = np.where(ours, inside, 1).astype(np.float32)
    shown = np.where(ours, fade(near, max(0.5 * pixel, 0.06)), 1).astype(np.float32)
    line = LINE_PATH * np.clip(1 - np.abs(near) / LINE_WIDTH, 0, None) * (ours & paths.lungs)
    # Directly at the wall there is no gap in which the line could be seen.
    return Collapsed(inside, shown, line.astype(np.float32), gas)


def density_left(finding: Pneumothorax) -> float:
    """How much air the shrunken lung still holds along a ray, relative to an expanded one: it becomes denser."""
    return 1 - min(0.25, 0.4 * finding.collapse)
