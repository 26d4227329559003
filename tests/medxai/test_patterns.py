"""PatternNet and PatternAttribution: the paper's example, a slow and obvious reference, and laws that always hold."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from medxai.explain import NotExplainableError, PatternAttribution, PatternNet, Patterns, fit_patterns
from medxai.models import vgg16_block6

L = tf.keras.layers


# --- the paper's two-dimensional example: x = (1, 0) signal + (1, 1) distractor, read by w = (1, -1) ---


def toy(strength, offset=0.0, relu=True, as_image=False):
    """A neuron that reads the signal off exactly, and inputs in which signal and distractor do not vary together."""
    rng = np.random.default_rng(0)
    signal, distractor = rng.normal(0, 1, (2, 4000))
    # Each signal comes with a distractor and with its opposite: the sample itself has no correlation by accident.
    signal, distractor = np.tile(signal, 2), np.concatenate([distractor, -distractor]) * strength + offset
    x = np.stack([signal + distractor, distractor], axis=1).astype("float32")
    activation = "relu" if relu else None
    if as_image:
        x = x.reshape(80, 10, 10, 2)
        layers = [L.Input((10, 10, 2), name="film"), L.Conv2D(1, 1, activation=activation, name="neuron"), L.Flatten()]
    else:
        layers = [L.Input((2,), name="point"), L.Dense(1, activation=activation, name="neuron")]
    model = tf.keras.Sequential(layers)
    model.get_layer("neuron").set_weights(
        [np.reshape([1.0, -1.0], model.get_layer("neuron").kernel.shape), np.array([0.1])]
    )
    return model, x, signal


@pytest.mark.parametrize("as_image", [False, True], ids=["dense", "convolution"])
@pytest.mark.parametrize("relu", [True, False], ids=["relu", "linear"])
@pytest.mark.parametrize("strength", [1, 10])
def test_the_papers_example(strength, relu, as_image):
    model, x, _ = toy(strength, relu=relu, as_image=as_image)
    direction = fit_patterns(model, x, batch_size=7, pattern_type="relu" if relu else "linear").directions["neuron"]
    np.testing.assert_allclose(direction.ravel(), [1, 0], atol=0.02)


def test_a_distractor_with_a_mean_does_not_leak_in():
    model, x, _ = toy(1, offset=5.0)
    direction = fit_patterns(model, x).directions["neuron"].ravel()
    np.testing.assert_allclose(direction, [1, 0], atol=0.02)
    # What it would be with means over all inputs, as for a linear unit: this data can tell.
    y = x @ [1, -1]
    on = y + 0.1 > 0
    together = (x[on] * y[on, None]).mean(0) - x[on].mean(0) * y.mean()
    assert np.abs(together / (together @ [1, -1]) - [1, 0]).max() > 0.5


def test_the_signal_is_recovered_without_the_distractor():
    model, x, signal = toy(10)
    found = PatternNet(model).fit(x).analyze(x[:500], target=0)
    on = x[:500] @ [1, -1] + 0.1 > 0
    # The logit includes the bias, so the signal comes back with it.
    np.testing.assert_allclose(found[on, 0], signal[:500][on] + 0.1, atol=0.02 * np.abs(signal).max())
    np.testing.assert_allclose(found[:, 1], 0, atol=0.02 * np.abs(signal).max())
    assert not found[~on].any()


# --- a slow, obvious reference: every patch is cut out, every unit handled alone, all in float64 ---


def windows(x, size, stride, padding):
    """Corner, position and shape after padding of every window that a convolution or pooling sees."""
    before = [0, 0]
    shape = list(x.shape[1:3])
    if padding == "same":
        total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape, size, stride, strict=True)]
        before = [t // 2 for t in total]
        shape = [n + t for n, t in zip(shape, total, strict=True)]
    counts = [(n - k) // s + 1 for n, k, s in zip(shape, size, stride, strict=True)]
    corners = [(r, c, r * stride[0], c * stride[1]) for r, c in itertools.product(*map(range, counts))]
    return before, shape, counts, corners


class Reference:
    def __init__(self, model, pattern_type):
        self.layers = [layer for layer in model.layers if not isinstance(layer, L.InputLayer | L.Dropout)]
        self.pattern_type = pattern_type
        self.patterns = {}

    def patches(self, layer, x):
        """(patches, features) float64 that the layer multiplies with its kernel, in the order of its output."""
        if isinstance(layer, L.Dense):
            return x
        size = layer.kernel_size
        before, shape, _, corners = windows(x, size, layer.strides, layer.padding)
        padded = np.zeros((len(x), *shape, x.shape[-1]))
        padded[:, before[0] : before[0] + x.shape[1], before[1] : before[1] + x.shape[2]] = x
        return np.array([p[i : i + size[0], j : j + size[1]].ravel() for p in padded for _, _, i, j in corners])

    def forward(self, layer, x):
        kind = type(layer).__name__
        if kind in ("Conv2D", "Dense"):
            kernel = layer.kernel.numpy().astype(float)
            out = self.patches(layer, x) @ kernel.reshape(-1, kernel.shape[-1])
            out += layer.bias.numpy() if layer.use_bias else 0
            out = np.maximum(out, 0) if layer.activation.__name__ == "relu" else out
            if kind == "Dense":
                return out
            return out.reshape(len(x), *windows(x, layer.kernel_size, layer.strides, layer.padding)[2], -1)
        if kind == "Activation":
            return np.maximum(x, 0)
        if kind == "Flatten":
            return x.reshape(len(x), -1)
        if kind == "GlobalAveragePooling2D":
            return x.mean((1, 2))
        _, _, counts, corners = windows(x, layer.pool_size, layer.strides, "valid")
        out = np.zeros((len(x), *counts, x.shape[-1]))
        for r, c, i, j in corners:
            window = x[:, i : i + layer.pool_size[0], j : j + layer.pool_size[1]]
            out[:, r, c] = window.max((1, 2)) if kind == "MaxPooling2D" else window.mean((1, 2))
        return out

    def fit(self, x):
        for layer, following in zip(self.layers, [*self.layers[1:], None], strict=True):
            if layer.weights:
                kernel = layer.kernel.numpy().astype(float)
                flat = kernel.reshape(-1, kernel.shape[-1])
                patches = self.patches(layer, x)
                fires = layer.activation.__name__ == "relu" or isinstance(following, L.Activation)
                found = np.zeros_like(flat)
                for unit in range(flat.shape[1]):
                    y = patches @ flat[:, unit]
                    bias = layer.bias.numpy()[unit] if layer.use_bias else 0
                    use = y + bias > 0 if fires and self.pattern_type == "relu" else np.ones(len(y), bool)
                    if use.any():
                        p, y = patches[use], y[use]
                        covariance = (p * y[:, None]).mean(0) - p.mean(0) * y.mean()
                        if flat[:, unit] @ covariance > 1e-9:
                            found[:, unit] = covariance / (flat[:, unit] @ covariance)
                self.patterns[layer.name] = found.reshape(kernel.shape)
            x = self.forward(layer, x)
        return self

    def analyze(self, x, target, attribution):
        inputs, x = [], x.astype(float)
        for layer in self.layers:
            inputs.append(x)
            x = self.forward(layer, x)
        back = np.zeros_like(x)
        back[np.arange(len(x)), target] = x[np.arange(len(x)), target]
        out = x
        for layer, x in zip(reversed(self.layers), reversed(inputs), strict=True):
            back = self.backward(layer, x, out, back, attribution)
            out = x
        return back

    def backward(self, layer, x, out, back, attribution):
        kind = type(layer).__name__
        new = np.zeros_like(x)
        if kind in ("Conv2D", "Dense"):
            if layer.activation.__name__ == "relu":
                back = back * (out > 0)
            kernel = self.patterns[layer.name] * (layer.kernel.numpy() if attribution else 1)
            if kind == "Dense":
                return back @ kernel.T
            size = layer.kernel_size
            before, shape, _, corners = windows(x, size, layer.strides, layer.padding)
            padded = np.zeros((len(x), *shape, x.shape[-1]))
            for r, c, i, j in corners:
                padded[:, i : i + size[0], j : j + size[1]] += np.einsum("nu,hwcu->nhwc", back[:, r, c], kernel)
            return padded[:, before[0] : before[0] + x.shape[1], before[1] : before[1] + x.shape[2]]
        if kind == "Activation":
            return back * (out > 0)
        if kind == "Flatten":
            return back.reshape(x.shape)
        if kind == "GlobalAveragePooling2D":
            return np.broadcast_to(back[:, None, None] / (x.shape[1] * x.shape[2]), x.shape)
        height, width = layer.pool_size
        for r, c, i, j in windows(x, layer.pool_size, layer.strides, "valid")[3]:
            for n, k in itertools.product(range(len(x)), range(x.shape[-1])):
                window = x[n, i : i + height, j : j + width, k]
                if kind == "MaxPooling2D":
                    a, b = np.unravel_index(window.argmax(), window.shape)
                    new[n, i + a, j + b, k] += back[n, r, c, k]
                else:
                    new[n, i : i + height, j : j + width, k] += back[n, r, c, k] / window.size
        return new


NETWORKS = {
    "pools and dense": [
        L.Conv2D(4, 3, padding="same", activation="relu"), L.MaxPooling2D(), L.Conv2D(5, 3, activation="relu"),
        L.AveragePooling2D(), L.Flatten(), L.Dense(6, activation="relu"), L.Dropout(0.5), L.Dense(3)],
    "global average": [
        L.Conv2D(4, (3, 2), strides=2, padding="same", use_bias=False), L.Activation("relu"),
        L.MaxPooling2D(3, strides=1), L.Conv2D(3, 2, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(3)],
    "linear units": [
        L.Conv2D(3, 3, strides=(2, 1)), L.AveragePooling2D(2), L.Flatten(), L.Dense(5), L.Dense(3)],
}  # fmt: skip


def network(name, seed=0):
    tf.keras.utils.set_random_seed(seed)
    layers = [type(layer).from_config(layer.get_config()) for layer in NETWORKS[name]]
    model = tf.keras.Sequential([L.Input((9, 8, 2), name="film"), *layers])
    rng = np.random.default_rng(seed)
    model.set_weights([w if w.ndim > 1 else rng.normal(0, 0.2, w.shape) for w in model.get_weights()])
    return model


def films(count, seed):
    """Noise with a large mean in one channel and slow shades, so that neighbours vary together as in films."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (count, 9, 8, 2)).cumsum(1).cumsum(2)
    return (x / x.std() + [2.0, 0.0]).astype("float32")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("pattern_type", ["relu", "linear"])
def test_maps_equal_the_slow_reference(name, pattern_type):
    model = network(name)
    train, test, target = films(12, 1), films(3, 2), np.array([0, 2, 1])
    patterns = fit_patterns(model, train, batch_size=5, pattern_type=pattern_type)
    reference = Reference(model, pattern_type).fit(train)
    for layer, direction in patterns.directions.items():
        expected = reference.patterns[layer]
        np.testing.assert_allclose(direction, expected, atol=1e-5 * max(1, np.abs(expected).max()))
    for method, attribution in ((PatternNet, False), (PatternAttribution, True)):
        maps = method(model, patterns).analyze(test, target)
        expected = reference.analyze(test, target, attribution)
        assert maps.dtype == np.float32 and maps.shape == test.shape and np.ptp(expected) > 1e-3
        np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())


# --- laws ---


def test_weight_times_pattern_is_one_and_dead_units_have_none():
    model = network("pools and dense")
    first = model.layers[0]
    kernel, bias = first.get_weights()
    bias[1], kernel[..., 2] = -1e3, 0  # never fires; never varies
    first.set_weights([kernel, bias])
    patterns = fit_patterns(model, films(12, 1))
    assert patterns.living()[first.name].tolist() == [True, False, False, True]
    for layer in model.layers:
        if layer.weights:
            sums = (layer.kernel.numpy() * patterns.directions[layer.name]).reshape(-1, layer.units if isinstance(layer, L.Dense) else layer.filters).sum(0)  # fmt: skip
            np.testing.assert_allclose(sums, patterns.living()[layer.name].astype(float), atol=1e-5)


def test_the_fit_does_not_depend_on_the_batches():
    model, train = network("pools and dense"), films(23, 1)
    # Bright and dark films one after the other: batches differ, and so do their means.
    train[12:] += 30
    found = [fit_patterns(model, train, batch_size=size).directions for size in (1, 4, 23)]
    for layer, whole in found[-1].items():
        for other in found[:-1]:
            np.testing.assert_allclose(other[layer], whole, atol=1e-5 * max(1, np.abs(whole).max()))


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


def test_deep_networks_do_not_leave_the_numbers_of_float32():
    # All inputs carry the same signal, so each layer of 100 units sends it back a hundredfold: 1e44 after 22 layers.
    layers = [L.Dense(100, name=f"dense{n}") for n in range(22)]
    model = tf.keras.Sequential([L.Input((100,), name="numbers"), *layers])
    for layer in layers:
        layer.set_weights([np.full((100, 100), 0.01), np.zeros(100)])
    x = np.repeat(np.linspace(-1, 2, 31)[:, None], 100, axis=1).astype("float32")
    patterns = fit_patterns(model, x)
    signal = PatternNet(model, patterns).analyze(x[[0, 30]], target=4)
    assert np.isfinite(signal).all() and (signal[0] < -1e30).all() and (signal[1] > 1e30).all()
    np.testing.assert_allclose(signal / np.abs(signal).max(1, keepdims=True), [[-1] * 100, [1] * 100], rtol=1e-4)
    shares = PatternAttribution(model, patterns).analyze(x[[0, 30]], target=4)
    np.testing.assert_allclose(shares, x[[0, 30]] / 100, rtol=1e-4)


def test_new_weights_ask_for_a_new_fit():
    model, train = network("global average"), films(12, 1)
    analyzer = PatternNet(model).fit(train)
    before = analyzer.analyze(train[:2], target=0)
    model.set_weights(network("global average", seed=5).get_weights())
    with pytest.raises(ValueError, match="other weights than the network has now"):
        analyzer.analyze(train[:2], target=0)
    after = analyzer.fit(train).analyze(train[:2], target=0)
    rebuilt = PatternNet(network("global average", seed=5)).fit(train).analyze(train[:2], target=0)
    np.testing.assert_allclose(after, rebuilt, atol=1e-6)
    assert np.abs(after - before).max() > 1e-3


def test_stored_films_are_prepared_batch_by_batch():
    model = vgg16_block6(256, 32, activation="linear")
    stored = np.random.default_rng(0).integers(0, 255, (5, 256, 256), np.uint8)
    from medxai.preprocessing import to_network_input

    seen = []

    def prepare(batch):
        seen.append(len(batch))
        return to_network_input(batch)

    maps = PatternNet(model).fit(stored, batch_size=2, prepare=prepare).analyze(stored[:1], 1, prepare=prepare)
    assert seen == [2, 2, 1, 1] and maps.shape == (1, 256, 256, 3) and np.isfinite(maps).all()
    with pytest.raises(ValueError, match="uint8; expected float network input.*to_network_input"):
        fit_patterns(model, stored)


# --- what cannot be done is told ---


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ([L.DepthwiseConv2D(3, name="bad"), L.Flatten()], "'bad': a DepthwiseConv2D layer"),
        ([L.Conv2DTranspose(2, 3, name="bad"), L.Flatten()], "'bad': a Conv2DTranspose layer"),
        ([L.Conv2D(2, 3, dilation_rate=2, name="bad"), L.Flatten()], "dilation_rate=(2, 2)"),
        ([L.Conv2D(2, 3, groups=2, name="bad"), L.Flatten()], "groups=2"),
        ([L.Conv2D(2, 3, activation="tanh", name="bad"), L.Flatten()], "activation 'tanh'"),
        ([L.Activation("gelu", name="bad"), L.Flatten()], "activation 'gelu'"),
        ([L.Dense(2, name="bad"), L.Flatten()], "Put Flatten or GlobalAveragePooling2D before it"),
        ([L.MaxPooling2D(data_format="channels_first", name="bad"), L.Flatten()], "channels first"),
        ([L.BatchNormalization(name="bad"), L.Flatten()], "medxai.fold.fold_batch_norm(model)"),
        ([L.Flatten(), L.Dense(2, activation="softmax", name="bad")], "medxai.explain.logits_model(model)"),
    ],
)
def test_layers_that_patterns_cannot_pass(layers, told):
    model = tf.keras.Sequential([L.Input((9, 8, 2), name="film"), *layers])
    for use in (PatternNet, PatternAttribution, lambda m: fit_patterns(m, films(2, 0))):
        with pytest.raises(NotExplainableError) as caught:
            use(model)
        assert told in str(caught.value) and "'bad'" in str(caught.value)


def test_skips_are_named():
    i = L.Input((9, 8, 2), name="film")
    model = tf.keras.Model(i, L.Flatten(name="flat")(L.Add(name="sum")([i, L.Conv2D(2, 1, name="conv")(i)])))
    with pytest.raises(NotExplainableError, match="'sum': .*this one reads 'film', 'conv'"):
        PatternNet(model)
    shared = L.Conv2D(2, 1, name="shared")
    with pytest.raises(NotExplainableError, match="'shared'"):
        PatternNet(tf.keras.Model(i, L.Flatten()(shared(shared(i)))))


def test_wrong_data_is_told():
    model, train = network("global average"), films(6, 1)
    analyzer = PatternNet(model)
    with pytest.raises(ValueError, match=r"not fitted yet. Call fit\(training_films\)"):
        analyzer.analyze(train)
    with pytest.raises(ValueError, match=r"shape \(8, 9, 2\) each; the network takes \(9, 8, 2\)"):
        analyzer.fit(train.transpose(0, 2, 1, 3))
    with pytest.raises(ValueError, match="there are no images"):
        analyzer.fit(train[:0])
    with pytest.raises(ValueError, match="expected one of relu, linear"):
        fit_patterns(model, train, pattern_type="two")
    with pytest.raises(ValueError, match="not finite in films 4 to 5"):
        fit_patterns(model, np.where(np.arange(6)[:, None, None, None] == 5, np.nan, train), batch_size=4)
    with pytest.raises(ValueError, match="no unit fired and varied"):
        fit_patterns(model, np.zeros_like(train))
    analyzer.fit(train)
    with pytest.raises(ValueError, match="classes 0 to 2, got"):
        analyzer.analyze(train, target=3)
    with pytest.raises(ValueError, match="one for each of the 6 films"):
        analyzer.analyze(train, target=[0, 1])
    with pytest.raises(ValueError, match="belong to other weights"):
        PatternNet(model, Patterns("relu", {}, 6)).analyze(train)
