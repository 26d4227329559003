"""From path lengths to photons: Beer-Lambert, scatter, blur, quantum noise.

Attenuation coefficients are for about 70 keV, the effective energy of a chest film at 110-125 kV, from the NIST tables
of mass attenuation (Hubbell and Seltzer, NISTIR 5632): soft tissue 0.19 /cm; cortical bone (1.92 g/cm3) 0.49 /cm.
Inflated lung has about a quarter the density of soft tissue.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

MU_SOFT = 0.19  # 1 / cm
MU_BONE = 0.49  # 1 / cm
LUNG_DENSITY = 0.26  # of soft tissue
PHOTONS = 4.0e6  # detected per cm2 without a patient, at the standard exposure


def line_integral(soft: np.ndarray, lung: np.ndarray, air: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """Attenuation along each ray (no unit), float32; the arguments are path lengths in cm.

    `soft` is the whole body's path; lung and air displace soft tissue in it, bone replaces it.
    """
    soft = np.clip(soft - (1 - LUNG_DENSITY) * lung - air, 0, None)
    return MU_SOFT * soft + (MU_BONE - MU_SOFT) * bone


def expose(
    attenuation: np.ndarray, spacing: float, milliamps: float, scatter: float, rng: np.random.Generator
) -> np.ndarray:
    """Detected signal relative to the open beam, float32.

    Scatter is a broad blur (4 cm) of the primary beam. The counts (hundreds to tens of thousands per pixel) are Poisson
    distributed; their normal limit is drawn because it uses the same random numbers on every processor.
    """
    primary = np.exp(-attenuation.astype(np.float32))
    signal = primary + scatter * broad_blur(primary, 4.0 / spacing)
    mean = signal * np.float32(PHOTONS * milliamps * spacing**2)
    counts = mean + np.sqrt(mean) * rng.standard_normal(mean.shape, dtype=np.float32)
    return np.clip(counts, 1, None) / np.float32(PHOTONS * milliamps * spacing**2)


def broad_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur for wide kernels, on a coarser copy, which takes a fraction of the time and looks the same."""
    step = max(1, int(sigma / 4))
    height, width = image.shape
    rows, columns = -(-height // step), -(-width // step)
    padded = np.pad(image, ((0, rows * step - height), (0, columns * step - width)), mode="edge")
    coarse = padded.reshape(rows, step, columns, step).mean((1, 3))
    coarse = ndimage.gaussian_filter(coarse, sigma / step, mode="nearest", truncate=3)
    return enlarge(coarse, step)[:height, :width]


def enlarge(coarse: np.ndarray, step: int) -> np.ndarray:
    """Linear enlargement by an integer factor; cell centres keep their positions."""
    if step == 1:
        return coarse
    for axis in (0, 1):
        count = coarse.shape[axis]
        at = np.clip((np.arange(count * step) + 0.5) / step - 0.5, 0, count - 1)
        low = np.minimum(at.astype(int), max(count - 2, 0))
        part = (at - low).astype(np.float32)
        part = part[:, None] if axis == 0 else part[None, :]
        lower, upper = coarse.take(low, axis), coarse.take(np.minimum(low + 1, count - 1), axis)
        coarse = lower + (upper - lower) * part
    return coarse
