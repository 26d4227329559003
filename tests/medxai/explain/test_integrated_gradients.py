"""Integrated gradients: our points of the way, and what the maps add up to."""

import numpy as np
import pytest
from small_network import SHAPE, TARGETS, balanced, logits_of, network, some_films

from medxai import create_analyzer
from medxai.explain import integrated_gradients

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def films():
    return some_films()


@pytest.fixture(scope="module")
def model(films):
    return balanced(films)


def test_points_lie_on_the_way_from_the_reference_on_the_film_left_out():
    film = np.random.default_rng(1).normal(0, 1, (4, 3, 2)).astype(np.float32)
    for reference in (np.float32(-2), np.full((4, 3, 2), 3, np.float32)):
        settings = {"steps": 4, "reference_inputs": reference}
        points = integrated_gradients.samples(film, range(4), settings)
        assert points.dtype == np.float32
        for k in range(4):
            np.testing.assert_allclose(points[k], (1 - k / 4) * reference + k / 4 * film, atol=1e-6)
        np.testing.assert_array_equal(integrated_gradients.samples(film, range(2, 4), settings), points[2:])
        maps = integrated_gradients.maps(np.full((1, 4, 3, 2), 2, np.float32), film[None], settings)
        np.testing.assert_allclose(maps[0], 2 * (film - reference))


def test_integrated_gradients_sums_to_the_part_of_the_logit_that_its_steps_reach(films):
    """A left Riemann sum from a zero baseline: on a bias-free ReLU network (n-1)/n of the logit."""
    bias_free = network(bias=False)
    logits = logits_of(bias_free).predict(films, verbose=0)[range(5), TARGETS]
    for steps in (2, 5, 64):
        maps = create_analyzer("integrated_gradients", bias_free, steps=steps).analyze(films, TARGETS)
        np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), logits * (steps - 1) / steps, atol=1e-5)


def test_integrated_gradients_is_complete_with_biases_and_a_reference(model, films):
    logits = logits_of(model)
    for reference in (0.5, films[4]):
        maps = create_analyzer("integrated_gradients", model, steps=3000, reference_inputs=reference).analyze(films[:2])
        start = logits.predict(np.broadcast_to(reference, (1, *SHAPE)).astype(np.float32), verbose=0)[0]
        end = logits.predict(films[:2], verbose=0)
        winners = end.argmax(axis=1)
        np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), end.max(axis=1) - start[winners], atol=2e-3)
