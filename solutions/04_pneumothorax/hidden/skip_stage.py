"""Hidden checks of skip_stage: one function for each graded cell."""

import numpy as np


def skip_stage_1(f, rng):
    """Names, shapes and the number of parameters, for other sizes and channels."""
    for (height, width, inputs), channels, last in (
        ((8, 12, 3), 5, False),
        ((6, 6, 4), 4, True),
        ((16, 8, 1), 7, False),
    ):
        model = f((height, width, inputs), channels, last)
        names = [layer.name for layer in model.layers]
        if any(name not in names for name in ("conv1", "conv2", "sum", "pool")):
            raise AssertionError("the layers must have the names of the list: conv1, conv2, sum, pool")
        if tuple(model.input_shape[1:]) != (height, width, inputs):
            raise AssertionError("the stage must take films of the shape that it is given")
        if tuple(model.get_layer("sum").output_shape[1:]) != (height, width, channels):
            raise AssertionError("the sum must keep height and width and have the channels asked for")
        if tuple(model.output_shape[1:]) != (height // 2, width // 2, channels):
            raise AssertionError("the pooling, last in the stage, must halve height and width")
        if model.count_params() != 9 * inputs * channels + channels + 9 * channels * channels + channels:
            raise AssertionError(
                "the number of parameters is not that of two 3 x 3 convolutions with biases, one on top of the other"
            )


def convolve(x, kernel, bias):
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    _, height, width, _ = x.shape
    total = sum(padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3))
    return np.maximum(total + bias, 0)


def skip_stage_2(f, rng):
    """With given weights the stage computes the pooled sum of both convolutions, in training too."""
    for inputs, channels, last in ((3, 6, False), (5, 5, True), (5, 5, False)):
        model = f((8, 6, inputs), channels, last)
        shapes = [(3, 3, inputs, channels), (channels,), (3, 3, channels, channels), (channels,)]
        if [tuple(weight.shape) for weight in model.get_weights()] != shapes:
            raise AssertionError("the weights have other shapes than two 3 x 3 convolutions on top of each other")
        fresh = [rng.normal(0, 0.5, shape).astype("float32") for shape in shapes]
        model.set_weights(fresh)
        x = rng.normal(0, 1, (3, 8, 6, inputs)).astype("float32")
        first = convolve(x, fresh[0], fresh[1])
        total = first + convolve(first, fresh[2], fresh[3])
        places = total.reshape(3, 4, 2, 3, 2, channels)
        expected = places.mean((2, 4)) if last else places.max((2, 4))
        if not np.allclose(np.asarray(model(x)), expected, rtol=1e-3, atol=1e-3):
            raise AssertionError(
                "with given weights the stage computes something else: each convolution has its ReLU, their outputs are added, and "
                "then maxima are pooled, in the last stage means"
            )
