"""PatternNet: the paper's example, a slow and obvious reference; and what both pattern methods do with films."""

import numpy as np
import pytest
from pattern_reference import NETWORKS, Reference, films, hundredfold, network, toy

from medxai.explain import PatternNet, Patterns, fit_patterns
from medxai.networks.models import vgg16_block6
from medxai.networks.preprocessing import to_network_input


def test_the_signal_is_recovered_without_the_distractor():
    model, x, signal = toy(10)
    found = PatternNet(model).fit(x).analyze(x[:500], target=0)
    on = x[:500] @ [1, -1] + 0.1 > 0
    # The logit includes the bias, so the signal comes back with it.
    np.testing.assert_allclose(found[on, 0], signal[:500][on] + 0.1, atol=0.02 * np.abs(signal).max())
    np.testing.assert_allclose(found[:, 1], 0, atol=0.02 * np.abs(signal).max())
    assert not found[~on].any()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("pattern_type", ["relu", "linear"])
def test_maps_equal_the_slow_reference(name, pattern_type):
    model, train, test, target = network(name), films(12, 1), films(3, 2), np.array([0, 2, 1])
    maps = PatternNet(model, fit_patterns(model, train, pattern_type=pattern_type)).analyze(test, target)
    expected = Reference(model, pattern_type).fit(train).analyze(test, target, attribution=False)
    assert maps.dtype == np.float32 and maps.shape == test.shape and np.ptp(expected) > 1e-3
    np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())


def test_deep_networks_do_not_leave_the_numbers_of_float32():
    model, x = hundredfold()
    signal = PatternNet(model).fit(x).analyze(x[[0, 30]], target=4)
    assert np.isfinite(signal).all() and (signal[0] < -1e30).all() and (signal[1] > 1e30).all()
    np.testing.assert_allclose(signal / np.abs(signal).max(1, keepdims=True), [[-1] * 100, [1] * 100], rtol=1e-4)


def test_new_weights_ask_for_a_new_fit():
    model, train = network("global average"), films(12, 1)
    analyzer = PatternNet(model).fit(train)
    before = analyzer.analyze(train[:2], target=0)
    model.set_weights(network("global average", seed=5).get_weights())
    with pytest.raises(ValueError, match="do not belong to the network's current weights"):
        analyzer.analyze(train[:2], target=0)
    after = analyzer.fit(train).analyze(train[:2], target=0)
    rebuilt = PatternNet(network("global average", seed=5)).fit(train).analyze(train[:2], target=0)
    np.testing.assert_allclose(after, rebuilt, atol=1e-6)
    assert np.abs(after - before).max() > 1e-3


def test_stored_films_are_prepared_batch_by_batch():
    model = vgg16_block6(256, 32, activation="linear")
    stored = np.random.default_rng(0).integers(0, 255, (5, 256, 256), np.uint8)
    seen = []

    def prepare(batch):
        seen.append(len(batch))
        return to_network_input(batch)

    maps = PatternNet(model).fit(stored, batch_size=2, prepare=prepare).analyze(stored[:1], 1, prepare=prepare)
    # Where no batch size is given, one film is prepared first, to see how many fit.
    assert seen == [2, 2, 1, 1, 1] and maps.shape == (1, 256, 256, 3) and np.isfinite(maps).all()
    with pytest.raises(ValueError, match="uint8; expected float network input.*to_network_input"):
        fit_patterns(model, stored)


def test_what_cannot_be_explained_is_told():
    model, test = network("global average"), films(6, 1)
    analyzer = PatternNet(model)
    with pytest.raises(ValueError, match=r"not fitted yet. Call fit\(training_films\)"):
        analyzer.analyze(test)
    analyzer.fit(test)
    for wrong, told in (
        ((test, 3), "classes 0 to 2, got"),
        ((test, [0, 1]), "one for each of the 6 films"),
        ((test.transpose(0, 2, 1, 3), 0), r"the network takes \(9, 8, 2\)"),
    ):
        with pytest.raises(ValueError, match=told):
            analyzer.analyze(*wrong)
    with pytest.raises(ValueError, match="do not belong to the network's current weights"):
        PatternNet(model, Patterns("relu", {}, 6)).analyze(test)
