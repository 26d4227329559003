"""Hidden checks of block6_and_head: one function for each graded cell."""

import numpy as np


def block6_and_head_1(f, rng):
    """Shapes and parameters follow width, size and number of classes."""
    for size, divisor, classes in ((8, 8, 3), (16, 16, 2), (12, 8, 2)):
        width = 512 // divisor
        model = f((size, size, width), divisor, classes)
        side = (size - 6) // 2
        if tuple(model.get_layer("block6_pool").output_shape[1:]) != (side, side, width):
            raise AssertionError(
                "three valid 3 x 3 convolutions and one 2 x 2 pooling: the map after block6_pool has another shape"
            )
        dense = side * side * width * 100 + 100 + 100 * 20 + 20 + 20 * classes + classes
        if model.count_params() != 3 * (9 * width * width + width) + dense:
            raise AssertionError(
                "the number of parameters does not follow from the list of layers for this width and size"
            )


def block6_and_head_2(f, rng):
    """Every layer does its part: ReLU after each convolution and dense layer, dropout of 0.1 twice, softmax last."""
    model = f((8, 8, 32), 16, 2)
    kinds = [type(layer).__name__ for layer in model.layers]
    if [layer.name for layer in model.layers if layer.name.startswith("block6")] != [
        "block6_conv1",
        "block6_conv2",
        "block6_conv3",
        "block6_pool",
    ]:
        raise AssertionError("block 6 must be block6_conv1, block6_conv2, block6_conv3 and block6_pool, in this order")
    if kinds.count("Dropout") != 2 or any(
        not np.isclose(layer.rate, 0.1) for layer in model.layers if type(layer).__name__ == "Dropout"
    ):
        raise AssertionError("there must be a dropout of 0.1 after each of the two hidden dense layers")
    shapes = [(3, 3, 32, 32), (32,)] * 3 + [(32, 100), (100,), (100, 20), (20,), (20, 2), (2,)]
    if [tuple(w.shape) for w in model.get_weights()] != shapes:
        raise AssertionError("the weights have other shapes than the list of layers asks for at this width")
    x = rng.normal(0, 1, (5, 8, 8, 32)).astype("float32")
    # Spread so that signals keep their size from layer to layer and no output saturates.
    fresh = [rng.normal(0, np.sqrt(2 / np.prod(s[:-1])) if len(s) > 1 else 0.3, s).astype("float32") for s in shapes]
    model.set_weights(fresh)

    def convolve(x, kernel, bias):
        _, h, w, _ = x.shape
        y = sum(x[:, i : h - 2 + i, j : w - 2 + j] @ kernel[i, j] for i in range(3) for j in range(3))
        return np.maximum(y + bias, 0)

    y = x.astype(float)
    for i in range(3):
        y = convolve(y, *fresh[2 * i : 2 * i + 2])
    y = y.reshape(5, 1, 2, 1, 2, 32).max((2, 4)).reshape(5, -1)
    for i in (3, 4):
        y = np.maximum(y @ fresh[2 * i] + fresh[2 * i + 1], 0)
    logits = y @ fresh[10] + fresh[11]
    expected = np.exp(logits - logits.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    if not np.allclose(np.asarray(model(x)), expected, atol=1e-3):
        raise AssertionError(
            "with given weights the network computes something else: look at the activation of every layer"
        )
