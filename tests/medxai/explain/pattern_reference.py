"""For the tests of the pattern methods: the paper's example, small networks, and a slow, obvious reference."""

import itertools

import numpy as np
import tensorflow as tf

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


def hundredfold():
    """A network and inputs that all carry the same signal: PatternNet's grows a hundredfold in each of 22 layers."""
    layers = [L.Dense(100, name=f"dense{n}") for n in range(22)]
    model = tf.keras.Sequential([L.Input((100,), name="numbers"), *layers])
    for layer in layers:
        layer.set_weights([np.full((100, 100), 0.01), np.zeros(100)])
    return model, np.repeat(np.linspace(-1, 2, 31)[:, None], 100, axis=1).astype("float32")
