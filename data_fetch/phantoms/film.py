"""One film: anatomy, projection, physics and display put together.

A finding changes path lengths between `chest.project` and `line_integral` (gas beside a lung, water in it); a device adds
attenuation before `expose`; a mark burnt into the picture comes after `develop`, like the side marker. Each can be a
module of its own that takes the thorax and the frame and gives back path lengths and a mask, as `vessels` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import bones, chest, vessels
from .anatomy import Exposure, Patient
from .display import develop, side_marker
from .frame import Frame, gaussian_texture
from .physics import enlarge, expose, line_integral

FIELD = 36.5  # side of the film, cm; a larger one is taken where it would cut off a lung
FINEST = 256  # smaller films are drawn at a whole multiple of their size, at least this, and averaged down
SCATTER = {"PA": 0.28, "AP": 0.42}  # of the blurred primary beam; without a grid (AP, at the bedside) there is more


@dataclass(frozen=True)
class Film:
    """image: uint8 (size, size); heart, lungs: bool (size, size), exact; ctr_seen: apparent cardiothoracic ratio."""

    image: np.ndarray
    heart: np.ndarray
    lungs: np.ndarray
    ctr_seen: float


def columns(mask: np.ndarray) -> int:
    """Greatest horizontal extent of a mask, in pixels (0 if empty)."""
    found = np.flatnonzero(mask.any(axis=0))
    return int(found[-1] - found[0] + 1) if len(found) else 0


def render(patient: Patient, exposure: Exposure, size: int) -> Film:
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
    lung = np.clip(paths.lung - tubes + 0.15 * grain * paths.lung_field, 0, None)
    bone = bones.project(thorax, frame) * np.clip(paths.soft, 0, 1)
    # Scatter rises inside the heart as it does below the diaphragm (see bones), and washes the ribs out there.
    bone *= 1 - 0.45 * np.clip(paths.heart_path / 12, 0, 1)
    attenuation = line_integral(paths.soft, lung, paths.air, bone)
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
    seen = columns(heart) / max(1, columns(lungs))
    return Film(np.round(grey * 255).astype(np.uint8), heart, lungs, seen)
