"""PatternAttribution: a slow and obvious reference, and what its maps add up to."""

import itertools

import numpy as np
import pytest
from pattern_reference import NETWORKS, Reference, films, hundredfold, network

from medxai.explain import PatternAttribution, fit_patterns


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("pattern_type", ["relu", "linear"])
def test_maps_equal_the_slow_reference(name, pattern_type):
    model, train, test, target = network(name), films(12, 1), films(3, 2), np.array([0, 2, 1])
    maps = PatternAttribution(model, fit_patterns(model, train, pattern_type=pattern_type)).analyze(test, target)
    expected = Reference(model, pattern_type).fit(train).analyze(test, target, attribution=True)
    assert maps.dtype == np.float32 and maps.shape == test.shape and np.ptp(expected) > 1e-3
    np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())


def test_maps_are_of_the_chosen_class_and_film_by_film():
    model, test = network("global average"), films(5, 2)
    analyzer = PatternAttribution(model).fit(films(12, 1))
    winner = model(test).numpy().argmax(1)
    np.testing.assert_array_equal(analyzer.analyze(test), analyzer.analyze(test, winner))
    each = [analyzer.analyze(test, target=c) for c in range(3)]
    assert all(np.abs(a - b).max() > 1e-3 for a, b in itertools.combinations(each, 2))
    one_by_one = np.concatenate([analyzer.analyze(film[None], target=2) for film in test])
    np.testing.assert_allclose(each[2], one_by_one, atol=1e-6 * np.abs(each[2]).max())


def test_attribution_sums_to_the_logit():
    model, test = network("linear units"), films(4, 2)
    maps = PatternAttribution(model).fit(films(12, 1)).analyze(test, target=1)
    np.testing.assert_allclose(maps.sum((1, 2, 3)), model(test)[:, 1], rtol=1e-4)


def test_it_sums_to_the_logit_through_many_layers_too():
    model, x = hundredfold()
    shares = PatternAttribution(model).fit(x).analyze(x[[0, 30]], target=4)
    np.testing.assert_allclose(shares, x[[0, 30]] / 100, rtol=1e-4)
