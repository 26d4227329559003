"""Small film sets for the tests: discs on noise, whose radius decides the label. No phantoms, no TensorFlow."""

import numpy as np
import pandas as pd
import pytest

from data_fetch import ImageSet


def draw_discs(films: int, size: int, seed: int, first_patient: int = 0) -> ImageSet:
    """Two films a patient, a third of the patients with a large disc (label 1)."""
    rng = np.random.default_rng(seed)
    patients = first_patient + np.repeat(np.arange(films // 2), 2)
    labels = (patients % 3 == 0).astype(np.int64)
    radius = np.where(labels == 1, 0.32, 0.22) + rng.normal(0, 0.015, films)
    yy, xx = np.mgrid[:size, :size] / size - 0.5
    inside = xx**2 + yy**2 < radius[:, None, None] ** 2
    images = np.clip(60 + 120 * inside + rng.normal(0, 20, (films, size, size)), 0, 255).astype(np.uint8)
    return ImageSet(
        names=np.array([f"{p:05d}_{i % 2}.png" for i, p in enumerate(patients)]),
        images=images,
        labels=labels,
        classes=("normal", "cardiomegaly"),
        patients=patients,
        masks=None,
        boxes=None,
        attributes=pd.DataFrame({"ctr_seen": radius * 2}),
        card={"source": "test", "licence": "none", "version": "1"},
    )


@pytest.fixture(scope="session")
def discs():
    """A function (films, size, seed, first_patient) -> ImageSet."""
    return draw_discs


@pytest.fixture(scope="session")
def clinic():
    """A function (rng, patients, films each, positives) -> labels, scores, patients; a patient's films score alike."""

    def draw(rng, patients=60, films=3, positives=20, shift=1.0):
        finding = rng.permutation(np.arange(patients) < positives).astype(int)
        own = rng.normal(finding * shift, 1.0)
        scores = np.repeat(own, films) + rng.normal(0, 0.1, patients * films)
        return np.repeat(finding, films), scores, np.repeat(np.arange(patients), films)

    return draw
