"""HDF5 files like those of the MIT course, for tests."""

from __future__ import annotations

import pathlib

import h5py
import numpy as np


def mit_file(path: pathlib.Path, count: int, seed: int = 0, images: object = None, label: object = None) -> bytes:
    """A file laid out like MIT's: `image` (N, 256, 256, 1) floats from 0 to 255, `label` (N, 2) one-hot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if images is None:
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (count, 64, 64, 1)).repeat(4, 1).repeat(4, 2).astype(np.float32)
    if label is None:
        label = np.eye(2)[np.arange(count) % 2]
    with h5py.File(path, "w") as file:
        file["image"], file["label"] = images, label
    return path.read_bytes()
