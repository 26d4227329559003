"""Hidden checks of fold_layer: one function for each graded cell."""

import numpy as np


def _layer(rng, shape, low, high):
    """A kernel, its bias and a BatchNorm behind it, as trained networks have them (float32)."""
    kernel = rng.normal(size=shape)
    out = shape[-1]
    others = (
        rng.normal(size=out),
        rng.uniform(0.3, 2, out) * rng.choice([-1, 1], out),
        rng.normal(size=out),
        rng.normal(size=out),
        rng.uniform(low, high, out),
    )
    return [values.astype(np.float32) for values in (kernel, *others)]


def _apart(f, layer, epsilon, rng):
    """Largest difference of the outputs, in units of the largest output; None when the shapes are wrong."""
    kernel, bias, gamma, beta, mean, variance = (values.astype(float) for values in layer)
    got = f(*[values.copy() for values in layer], epsilon)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("two arrays must come back: the folded kernel and the folded bias")
    new_kernel, new_bias = (np.asarray(values, float) for values in got)
    if new_kernel.shape != kernel.shape or new_bias.shape != bias.shape:
        raise AssertionError("the folded kernel and bias must have the shapes of the old ones")
    patches = rng.normal(size=(40, *kernel.shape[:-1]))
    axes = kernel.ndim - 1
    before = (np.tensordot(patches, kernel, axes) + bias - mean) / np.sqrt(variance + epsilon) * gamma + beta
    after = np.tensordot(patches, new_kernel, axes) + new_bias
    return np.abs(after - before).max() / np.abs(before).max()


def _any_kernel(f, rng):
    """Dense layers and one-dimensional convolutions too; what went in stays as it was."""
    for shape in ((6, 6), (9, 4), (3, 5, 5)):
        layer = _layer(rng, shape, 0.5, 4.0)
        before = [values.copy() for values in layer]
        if not _apart(f, layer, 1e-9, rng) < 1e-4:
            raise AssertionError("a kernel of any number of axes must fold: the output channel is always the last one")
        f(*layer, 1e-9)
        if any(not np.array_equal(now, then) for now, then in zip(layer, before)):
            raise AssertionError("the arrays that went in must be unchanged: folding twice would scale twice")


def fold_layer_1(f, rng):
    """The folded layer gives the same outputs, to 1e-4 of the largest, for every kind of kernel; arrays unchanged."""
    for shape in ((3, 3, 4, 6), (5, 5, 1, 8)):
        if not _apart(f, _layer(rng, shape, 0.5, 4.0), 1e-9, rng) < 1e-4:
            raise AssertionError(
                "the folded convolution must give what convolution and BatchNorm give together: scale by gamma and "
                "by the standard deviation; the mean goes before the scale, beta after it"
            )
    _any_kernel(f, rng)


def fold_layer_2(f, rng):
    """Epsilon is added to the variance, whatever its value; a channel that never varied does no harm."""
    for epsilon in (1e-3, 0.1):
        layer = _layer(rng, (3, 3, 3, 5), 0.0, 0.02)
        layer[-1][0] = 0.0
        with np.errstate(all="ignore"):
            apart = _apart(f, layer, epsilon, rng)
        if not apart < 1e-4:
            raise AssertionError(
                "where the variance is small, epsilon decides: it is added to the variance, under the root, and "
                "layers differ in it"
            )
