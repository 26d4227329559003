"""The baselines: fair, fitted on training films only, and right on cases done by hand."""

from dataclasses import replace

import numpy as np
import pytest

from data_fetch import fetch_cardiomegaly
from medxai.evaluate import baselines, metrics


def test_shrink_is_the_mean_of_blocks():
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 32), dtype=np.uint8)
    expected = images.reshape(3, 16, 3, 16, 2).mean((2, 4)).reshape(3, -1)
    np.testing.assert_allclose(baselines.shrink(images), expected)
    odd = baselines.shrink(images[:, :37, :], 5)  # sides that 5 does not divide: 7 rows or 8, none lost or used twice
    assert odd.shape == (3, 25) and odd.min() >= 0 and odd.max() <= 255
    np.testing.assert_allclose(baselines.shrink(np.full((1, 37, 41), 9, np.uint8), 5), 9)
    with pytest.raises(ValueError, match="cannot be reduced"):
        baselines.shrink(images[:, :8])


def test_baselines_score_films_they_have_not_seen(discs):
    train, films = discs(160, 32, 0), discs(90, 32, 1, 1000)
    scores = baselines.all_baselines(train, films)
    assert list(scores) == ["apparent_ctr", "mean_intensity", "logistic_regression"]
    areas = {name: metrics.auroc(films.labels, score) for name, score in scores.items()}
    assert areas["apparent_ctr"] > 0.95 and areas["logistic_regression"] > 0.95 and areas["mean_intensity"] > 0.8
    fewer = films.subset(slice(0, 30))
    np.testing.assert_allclose(baselines.logistic_regression(train, fewer), scores["logistic_regression"][:30])


def test_mean_intensity_takes_its_sign_from_the_training_films(discs):
    import dataclasses

    train, films = discs(80, 16, 0), discs(60, 16, 1, 1000)
    negative = dataclasses.replace(train, images=255 - train.images)
    np.testing.assert_allclose(baselines.mean_intensity(negative, films), -baselines.mean_intensity(train, films))


def test_films_without_a_measured_ratio_have_two_baselines(discs):
    import dataclasses

    films = discs(60, 16, 0)
    real = dataclasses.replace(films, attributes=films.attributes.drop(columns="ctr_seen"))
    assert list(baselines.all_baselines(real, real)) == ["mean_intensity", "logistic_regression"]
    with pytest.raises(ValueError, match="only phantoms"):
        baselines.apparent_ctr(real)


def test_chest_patterns_tell_patients_and_not_places():
    films = fetch_cardiomegaly(source="phantom", split="test", size=256, progress=False)
    patterns = baselines.chest_patterns(films)
    moved = films.subset(slice(0, 3))
    moved = replace(
        moved,
        images=np.roll(moved.images, (2, 3), axis=(1, 2)),
        masks={"lungs": np.roll(moved.masks["lungs"], (2, 3), axis=(1, 2))},
    )
    np.testing.assert_allclose(baselines.chest_patterns(moved), patterns[:3])

    likeness = patterns @ patterns.T
    np.fill_diagonal(likeness, -np.inf)
    again = np.array([(films.patients == patient).sum() > 1 for patient in films.patients])
    nearest_is_the_same_patient = (films.patients[likeness.argmax(1)] == films.patients)[again]
    assert nearest_is_the_same_patient.mean() > 0.25  # by chance it would be 1 in 100
    with pytest.raises(ValueError, match="only phantoms"):
        baselines.chest_patterns(replace(films, masks=None))
