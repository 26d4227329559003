"""From the detector's signal to the greys of a digital film: logarithm, detail, window, side marker."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .anatomy import Exposure
from .physics import broad_blur

# Grey (0-1) against position in the window; the shoulder keeps the abdomen just below white.
_CURVE = np.array(
    [
        (-1.2, 0.0),
        (-0.9, 0.04),
        (-0.6, 0.10),
        (-0.3, 0.19),
        (-0.1, 0.27),
        (0.0, 0.315),
        (0.25, 0.47),
        (0.5, 0.61),
        (0.75, 0.725),
        (1.0, 0.81),
        (1.25, 0.865),
        (1.6, 0.905),
        (2.2, 0.95),
    ]
)


def develop(signal: np.ndarray, body: np.ndarray, spacing: float, exposure: Exposure) -> np.ndarray:
    """Signal relative to the open beam -> greys 0-1, float32; dense is bright. `body` (bool) marks the patient.

    The window is set from the film's own histogram, as in digital radiography units.
    """
    value = -np.log(signal)
    value = value + 0.50 * (value - broad_blur(value, 1.3 / spacing))
    # Sampled on a fixed grid, so that one borderline pixel at the body's edge cannot change which others are sampled.
    every = max(1, len(value) // 96)
    low, high = np.percentile(value[::every, ::every][body[::every, ::every]], [12, 85])
    place = (value - np.float32(low)) / np.float32(max(high - low, 0.2))
    grey = np.interp(place.ravel(), *_CURVE.T).astype(np.float32).reshape(place.shape)
    grey = np.clip(0.5 + (grey - 0.5) * np.float32(exposure.contrast) + np.float32(exposure.brightness), 0, 1)
    return grey ** np.float32(exposure.gamma)


def side_marker(size: int, exposure: Exposure) -> np.ndarray:
    """Coverage 0-1, float32 (size, size), of the lead letter that marks the side."""
    scale = max(1, 512 // size)
    side = size * scale
    image = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=0.06 * side)
    from_edge, from_top = exposure.marker_place
    across = 1 - from_edge if exposure.marker == "L" else from_edge
    draw.text((across * side, from_top * side), exposure.marker, fill=255, font=font, anchor="mm")
    return np.asarray(image.reduce(scale), np.float32) / 255
