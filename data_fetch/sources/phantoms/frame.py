"""From centimetres in the patient to pixels on the film, and drawing in centimetres.

Patient coordinates are in cm at mid-thorax: x runs to the patient's left, which is on the viewer's right; y runs to the
feet; the origin is on the spine, roughly at the height of the hila. The film is a square of `field` cm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage


def fade(distance: np.ndarray, width: float) -> np.ndarray:
    """Smooth step from 0 (distance <= -width) to 1 (distance >= width), both in cm; without exponentials, so fast and exact."""
    t = np.clip(distance * (0.5 / width) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def dome(rho_squared: np.ndarray) -> np.ndarray:
    """Path length through an ellipsoid, as a fraction of its thickness: sqrt(1 - rho^2), 0 outside."""
    return np.sqrt(np.clip(1 - rho_squared, 0, None))


def gaussian_texture(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth random field, mean 0 and standard deviation about 1, float32 (cells, cells); wraps at the borders."""
    field = ndimage.gaussian_filter(rng.standard_normal((cells, cells), dtype=np.float32), 1.0, mode="wrap")
    return field / max(float(field.std()), 1e-6)


@dataclass(frozen=True)
class Frame:
    """One film's geometry: `size` pixels across `field` cm, and the position of the patient on it.

    shift (cm), tilt (radians, clockwise on the film) and zoom (1 = life size) place the patient.
    """

    size: int
    field: float
    shift: tuple[float, float] = (0.0, 0.0)
    tilt: float = 0.0
    zoom: float = 1.0

    @property
    def spacing(self) -> float:
        """Pixel side in cm."""
        return self.field / self.size

    @cached_property
    def _turn(self) -> tuple[float, float]:
        # Rounded, so that the last bit of a processor's sine cannot move an edge across a pixel's centre.
        return round(float(np.cos(self.tilt)), 12), round(float(np.sin(self.tilt)), 12)

    @cached_property
    def xy(self) -> tuple[np.ndarray, np.ndarray]:
        """Patient coordinates of every pixel centre, two float64 arrays (size, size).

        float64 because masks are computed by comparing them: at this precision no pixel depends on the processor.
        """
        c, s = self._turn
        line = (np.arange(self.size) + 0.5) * self.spacing - self.field / 2
        across, down = line[None, :] - self.shift[0], line[:, None] - self.shift[1]
        return (across * c + down * s) / self.zoom, (down * c - across * s) / self.zoom

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) patient coordinates in cm -> pixel coordinates (column, row); 0 is the film's upper left corner."""
        c, s = self._turn
        x, y = points[..., 0] * self.zoom, points[..., 1] * self.zoom
        out = np.stack([x * c - y * s + self.shift[0], x * s + y * c + self.shift[1]], -1)
        return (out + self.field / 2) / self.spacing


class Canvas:
    """Polygons and strokes in patient coordinates, anti-aliased by drawing them several times larger."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.factor = 3 if frame.size <= 320 else 2
        side = frame.size * self.factor
        self._image = Image.new("L", (side, side), 0)
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: np.ndarray, value: float = 1.0) -> None:
        """Fill a polygon, (K, 2) in cm, with value 0-1 (later shapes replace earlier ones and do not add up)."""
        corners = self.frame.to_pixels(np.asarray(points, float)) * self.factor - 0.5
        self._draw.polygon(corners.ravel().tolist(), fill=round(value * 255))

    def band(self, line: np.ndarray, width: np.ndarray | float, value: float = 1.0) -> None:
        """Fill a band of `width` cm (a number, or one per point) along a line, (K, 2) in cm."""
        line = np.asarray(line, float)
        ahead = np.concatenate([line[1:], line[-1:]]) - np.concatenate([line[:1], line[:-1]])
        half = np.column_stack([-ahead[:, 1], ahead[:, 0]])
        half *= (np.asarray(width) / (2 * np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)))[:, None]
        self.polygon(np.concatenate([line + half, (line - half)[::-1]]), value)

    def coverage(self, soft: float = 0.0) -> np.ndarray:
        """float32 (size, size), 0-1: how much of each pixel is covered; `soft` blurs the edges (standard deviation, cm)."""
        size = self.frame.size
        cover = np.asarray(self._image.reduce(self.factor), np.float32).reshape(size, size) / 255
        if soft > 0.3 * self.frame.spacing:
            cover = ndimage.gaussian_filter(cover, soft / self.frame.spacing, truncate=3)
        return cover
