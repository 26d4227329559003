"""Pulmonary vessels: trees that start at the hila, bend, fork and taper; their diameters are added as soft tissue."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .anatomy import Patient
from .chest import APEX, SIDES, Thorax
from .frame import Frame

LEVELS = 7
STEPS = 5  # straight pieces of a branch
# A ray's path through an oblique vessel, its sheath and its companions is longer than the vessel's diameter.
OBLIQUE = 2.4


def _tree(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Lines (B, STEPS + 1, 2) in cm from the hilum at (0, 0), and diameters (B,) in cm."""
    roots = 11
    heading = np.linspace(-1.35, 1.45, roots) + rng.normal(0, 0.12, roots)  # from up to down, 0 = outwards
    start = np.stack([rng.normal(0, 0.5, roots), np.linspace(-1.6, 2.2, roots) + rng.normal(0, 0.2, roots)], -1)
    diameter = rng.uniform(0.36, 0.85, roots) * np.where(heading > 0.2, 1.15, 0.85)
    length = rng.uniform(2.6, 4.2, roots)
    lines, widths = [], []
    for _ in range(LEVELS):
        count = len(heading)
        bend = rng.normal(0, 0.14, (count, 1)) * np.arange(1, STEPS + 1) / 2 + rng.normal(0, 0.12, (count, STEPS))
        angle = heading[:, None] + bend
        step = np.stack([np.cos(angle), np.sin(angle)], -1) * (length / STEPS)[:, None, None]
        path = np.concatenate([start[:, None], start[:, None] + np.cumsum(step, 1)], 1)
        lines.append(path)
        widths.append(diameter)
        turn = rng.choice([-1.0, 1.0], count)  # the thicker branch continues nearly straight, the thinner one turns off
        fork = np.stack([-turn * rng.uniform(0.08, 0.35, count), turn * rng.uniform(0.35, 0.95, count)], -1)
        share = np.stack([rng.uniform(0.70, 0.86, count), rng.uniform(0.40, 0.75, count)], -1)
        heading = (angle[:, -1:] + fork).ravel()
        start = np.repeat(path[:, -1], 2, axis=0)
        length = np.repeat(length, 2) * rng.uniform(0.62, 0.92, 2 * count)
        diameter = np.repeat(diameter, 2) * share.ravel()
        keep = diameter > 0.055
        heading, start, length, diameter = heading[keep], start[keep], length[keep], diameter[keep]
    lines_all = np.concatenate(lines)
    lines_all[..., 0] *= side
    return lines_all, np.concatenate(widths)


def project(patient: Patient, thorax: Thorax, frame: Frame) -> np.ndarray:
    """Path length of the vessels in cm, float32 (size, size); the caller restricts it to the lungs."""
    rng = np.random.default_rng([patient.texture, 1])
    factor = 2
    side_px = frame.size * factor
    image = Image.new("F", (side_px, side_px), 0.0)
    draw = ImageDraw.Draw(image)
    scale = factor * frame.zoom / frame.spacing
    pieces = []
    for side in SIDES:
        lines, diameters = _tree(rng, side)
        # The tree scales with the lung: downwards with the diaphragm, sideways with the chest.
        reach = (thorax.dome_y[side] - APEX) / 22.5
        hilum = np.array([side * 0.245 * thorax.half, -1.2 + 0.3 * (side < 0)])
        lines = lines * np.array([thorax.half / 13.5, reach]) + hilum
        pieces += list(zip(frame.to_pixels(lines) * factor, diameters, strict=True))
    pieces.sort(key=lambda piece: piece[1])  # thick vessels are drawn last, over thin ones
    for line, diameter in pieces:
        wide = diameter * scale
        width = max(1, round(wide))
        draw.line(
            line.ravel().tolist(),
            fill=OBLIQUE * diameter * min(1.0, wide / width),
            width=width,
            joint="curve" if width > 3 else None,
        )
    return np.asarray(image.reduce(factor), np.float32)
