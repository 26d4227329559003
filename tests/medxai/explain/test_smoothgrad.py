"""SmoothGrad: our samples, the mean of their gradients."""

import numpy as np
import pytest
from small_network import SHAPE, TARGETS, balanced, gradient, some_films

from medxai import create_analyzer
from medxai.explain import smoothgrad

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def films():
    return some_films()


@pytest.fixture(scope="module")
def model(films):
    return balanced(films)


def test_samples_have_the_noise_that_is_asked_for_however_they_are_cut():
    film = np.random.default_rng(1).normal(0, 50, (30, 20, 3)).astype(np.float32)
    settings = {"noise_scale": 25.0, "seed": 3}
    samples = smoothgrad.samples(film, range(12), settings)
    assert samples.shape == (12, 30, 20, 3) and samples.dtype == np.float32
    chunks = [smoothgrad.samples(film, numbers, settings) for numbers in (range(5), range(5, 12))]
    np.testing.assert_array_equal(np.concatenate(chunks), samples)
    noise = (samples - film) / 25
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
    assert np.abs(np.corrcoef(noise.reshape(12, -1)) - np.eye(12)).max() < 0.15  # each a noise of its own
    other = smoothgrad.samples(film + 7, range(12), settings)
    np.testing.assert_allclose(other - 7, samples, atol=1e-3)  # the same for every film
    assert np.abs(smoothgrad.samples(film, range(12), settings | {"seed": 4}) - samples).mean() > 10
    np.testing.assert_array_equal(smoothgrad.samples(film, range(1), settings | {"noise_scale": 0.0})[0], film)
    assert smoothgrad.maps(samples, samples, settings) is samples


def test_the_map_is_the_mean_gradient_under_noise_of_the_given_scale(model, films):
    noise = np.random.default_rng(5).normal(0, 1, (2000, *SHAPE)).astype(np.float32)
    for scale in (0.1, 1.0):  # noise_scale counts, which it does not in iNNvestigate
        smooth = create_analyzer("smoothgrad", model, augment_by_n=2000, noise_scale=scale).analyze(films[:1], 1)[0]
        samples = gradient(model, films[:1] + scale * noise, np.ones(2000, int))
        error = samples.std(axis=0) * np.sqrt(2 / 2000)
        assert np.all(np.abs(smooth - samples.mean(axis=0)) < 5 * error + 1e-6)
        assert np.any(np.abs(smooth - gradient(model, films[:1], [1])[0]) > 5 * error)
    exact = create_analyzer("smoothgrad", model, augment_by_n=3, noise_scale=0).analyze(films, TARGETS)
    np.testing.assert_allclose(exact, gradient(model, films, TARGETS), atol=1e-6)
    seeds = [create_analyzer("smoothgrad", model, augment_by_n=3, seed=seed).analyze(films, 1) for seed in (0, 0, 1)]
    assert np.array_equal(seeds[0], seeds[1]) and not np.allclose(seeds[0], seeds[2])
