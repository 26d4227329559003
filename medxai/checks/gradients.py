"""Visible checks of lab 02a. Each calls the student's function on inputs small enough to work out by hand.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def fold_layer(f: Callable[..., Any]) -> str:
    """Check `fold_layer`: one layer equivalent to a layer followed by BatchNorm."""
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]])
    bias, gamma, beta = np.array([3.0, 0.0]), np.array([4.0, 1.0]), np.array([0.5, -1.0])
    mean, variance, epsilon = np.array([1.0, 2.0]), np.array([3.0, 8.0]), 1.0
    inputs = [kernel, bias, gamma, beta, mean, variance]
    before = [values.copy() for values in inputs]
    got = f(*inputs, epsilon)
    if any(not np.array_equal(now, then) for now, then in zip(inputs, before, strict=True)):
        raise AssertionError(
            "fold_layer: your function changed the arrays it was given. If the cell is run twice, the layer is "
            "scaled twice. Make new arrays instead."
        )
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("fold_layer: return two arrays: the new kernel and the new bias.")
    new_kernel, new_bias = (np.asarray(values, float) for values in got)
    if new_kernel.shape != (2, 2) or new_bias.shape != (2,):
        raise AssertionError(
            f"fold_layer: a 2 x 2 kernel and 2 biases keep their shapes, got {new_kernel.shape} and {new_bias.shape}."
        )
    _fold_kernel(new_kernel, kernel, gamma, variance)
    wanted = np.array([4.5, -5 / 3])
    if np.allclose(new_bias, wanted, atol=1e-5):
        return (
            "fold_layer: correct on this example. The hidden checks use convolutions, other epsilons and other shapes."
        )
    mistakes = {
        (6.5, -1.0): "the running mean is not subtracted",
        (-1.5, -5 / 3): "the layer's own bias is lost",
        (5.0, -1.0): "beta is scaled too; it is added after scaling",
        (4.0, -2 / 3): "beta is missing",
        (5.5, -3.0): "the mean is subtracted after scaling; BatchNorm subtracts it first",
        (2.5, -3.0): "bias and mean are not scaled, only the kernel is",
    }
    for wrong, why in mistakes.items():
        if np.allclose(new_bias, wrong, atol=1e-4):
            raise AssertionError(f"fold_layer: the kernel is right; in the bias, {why}.")
    raise AssertionError(
        "fold_layer: the kernel is right. The bias of the first output should be 2 * (3 - 1) + 0.5 = 4.5 and of the "
        f"second (0 - 2) / 3 - 1 = -1.667, got {new_bias.round(3).tolist()}."
    )


def _fold_kernel(got: np.ndarray, kernel: np.ndarray, gamma: np.ndarray, variance: np.ndarray) -> None:
    if np.allclose(got, kernel * np.array([2.0, 1 / 3]), atol=1e-5):
        return
    mistakes = [
        (
            kernel * np.array([[2.0], [1 / 3]]),
            "scale each output channel, the last axis of the kernel; yours scales the inputs",
        ),
        (kernel * gamma / (variance + 1), "you divide by the variance; BatchNorm divides by its square root"),
        (kernel * gamma / np.sqrt(variance), "epsilon is missing: take the root of variance + epsilon"),
        (kernel * gamma / np.sqrt(variance + 1e-3), "epsilon is an argument: do not assume Keras' default"),
        (kernel * gamma / (np.sqrt(variance) + 1), "epsilon belongs under the root, added to the variance"),
        (kernel / np.sqrt(variance + 1), "gamma is missing"),
        (kernel * np.sqrt(variance + 1) * gamma, "divide by the root, do not multiply by it"),
        (kernel, "the kernel is unchanged. Scale every weight of an output channel"),
    ]
    for wrong, why in mistakes:
        if np.allclose(got, wrong, atol=1e-3):
            raise AssertionError(f"fold_layer: {why}.")
    raise AssertionError(
        "fold_layer: with gamma 4 and 1, variance 3 and 8 and epsilon 1 the columns of the kernel are scaled by "
        f"4 / 2 and 1 / 3, so (1, 2) becomes (2, 0.667); got {got[0].round(3).tolist()}."
    )


def signed_map(f: Callable[..., Any]) -> str:
    """Check `signed_map(maps)`: maps ready to be drawn with a colour scale centred at zero."""
    # Film 0 is evidence against the class nearly everywhere, film 1 is blank, film 2 has values a thousand times smaller.
    maps = np.zeros((3, 2, 2, 3))
    maps[0, :, :, 0] = [[-6.0, 2.0], [-1.0, 0.0]]
    maps[0, :, :, 1] = [[-2.0, 2.0], [1.0, 0.0]]
    maps[2, 0, 0] = 0.001, 0.001, 0.002
    maps[2, 1, 1] = -0.003, 0.002, 0.0
    before = maps.copy()
    with np.errstate(all="ignore"):
        got = np.asarray(f(maps), float)
    if not np.array_equal(maps, before):
        raise AssertionError(
            "signed_map: your function changed the maps it was given; /= and -= write into their array. Make new ones."
        )
    if got.shape != (3, 2, 2):
        raise AssertionError(
            f"signed_map: 3 films of 2 x 2 pixels and 3 channels must become (3, 2, 2), got {got.shape}. "
            "The channels are the last axis, even when there are 3 films."
        )
    if not np.isfinite(got[1]).all():
        raise AssertionError(
            "signed_map: the map without any attribution became NaN: 0 / 0. It must stay blank, all zero."
        )
    if np.abs(got[1]).max() > 0:
        raise AssertionError(
            f"signed_map: a map without any attribution must stay 0, got {got[1].ravel()[0]:.3g}. "
            "Zero is the centre of the scale and must not move."
        )
    if got.min() >= 0:
        raise AssertionError(
            "signed_map: the signs are gone. Evidence against the class is negative; min-max, abs and squares lose it."
        )
    right = np.array([[-1.0, 0.5], [0.0, 0.0]])
    if np.allclose(got[0], -right, atol=1e-6):
        raise AssertionError("signed_map: the sign of your map is reversed: evidence for the class is positive.")
    if not np.isclose(np.abs(got[0]).max(), 1, atol=1e-5):
        raise AssertionError(
            f"signed_map: the largest magnitude of each film must be 1, in film 0 it is {np.abs(got[0]).max():.6g}. Divide "
            "by it alone, with nothing added."
        )
    if not np.allclose(got[0], right, atol=1e-5):
        raise AssertionError(
            "signed_map: the channels of film 0 add up to -8 and 4 in its first row; divided by 8 that is -1 and 0.5, "
            f"got {got[0, 0].round(3).tolist()}. Add up the channels first, then take magnitudes."
        )
    if np.abs(got[2]).max() < 0.99:
        raise AssertionError(
            f"signed_map: film 2 reaches only {np.abs(got[2]).max():.3g}. Divide each film by its *own* largest "
            "magnitude, not by the batch's, and add nothing to it."
        )
    if not np.allclose(got[2], [[1.0, 0.0], [0.0, -0.25]], atol=1e-5):
        raise AssertionError(f"signed_map: film 2 should hold 1 and -0.25, got {got[2].round(3).tolist()}.")
    return "signed_map: correct on this example. The hidden checks use other batches and channels."


def input_times_gradient(f: Callable[..., Any]) -> str:
    """Check `input_times_gradient`: how much each pixel of each film contributed to one logit, to first order."""
    import tensorflow as tf

    film = tf.keras.layers.Input((1, 2, 2), name="film")
    logits = tf.keras.layers.Dense(2, name="logits")(tf.keras.layers.Flatten(name="flatten")(film))
    model = tf.keras.Model(film, logits)
    weights = np.array([[1.0, 3.0], [2.0, -1.0], [0.5, 2.0], [-2.0, -1.0]], np.float32)  # film 0 is won by class 1
    model.set_weights([weights, np.zeros(2, np.float32)])
    films = np.array([[[[1.0, 2.0], [4.0, -1.0]]], [[[-1.0, 1.0], [0.0, 2.0]]]], np.float32)
    before = films.copy()
    got = np.asarray(f(model, films, 0), float)
    if not np.array_equal(films, before):
        raise AssertionError("input_times_gradient: your function changed the films it was given.")
    if got.shape != films.shape:
        raise AssertionError(
            f"input_times_gradient: expected maps of the films' shape, {films.shape}, got {got.shape}. "
            "Channels are added up later, for display."
        )
    slope = [weights[:, k].reshape(1, 2, 2) for k in (0, 1)]
    if np.allclose(got, films * slope[0], atol=1e-4):
        return "input_times_gradient: correct on this example. The hidden checks use networks with ReLUs and other classes."
    if np.allclose(got, np.broadcast_to(slope[0], films.shape), atol=1e-4):
        raise AssertionError("input_times_gradient: this is the gradient alone. Which factor is missing?")
    if np.allclose(got, films * (slope[0] + slope[1]), atol=1e-4):
        raise AssertionError(
            "input_times_gradient: all outputs were added up. GradientTape does that when it gets several outputs: "
            "select the target's column inside the tape."
        )
    if np.allclose(got[0], films[0] * slope[1], atol=1e-4):
        raise AssertionError(
            "input_times_gradient: expected an explanation of class 0, got one of class 1, the winner for the first film. "
            "The maps of two films would then explain different outputs."
        )
    if np.allclose(got * len(films), films * slope[0], atol=1e-4):
        raise AssertionError(
            "input_times_gradient: your values are too small by a factor of the number of films. Do not average over the "
            "batch: each film has its own logit."
        )
    if np.abs(got).max() < 0.5 * np.abs(films * slope[0]).max():
        raise AssertionError(
            "input_times_gradient: your values are much too small. Did you apply a softmax? Explain the logit."
        )
    raise AssertionError(
        "input_times_gradient: in the first film, pixels (1, 2) times gradients (1, 2) of class 0 should give (1, 4), "
        f"got {got[0, 0, 0].round(3).tolist()}."
    )


def smoothgrad(f: Callable[..., Any]) -> str:
    """Check `smoothgrad`: the mean gradient over noisy copies of one film."""
    film = np.random.default_rng(0).uniform(0, 200, (16, 16, 3))
    film[0, 0, :2] = 0.0, 200.0
    before, asked = film.copy(), []

    def gradient_of(noisy: np.ndarray) -> np.ndarray:
        noisy = np.array(noisy, float)
        if noisy.shape != film.shape:
            raise AssertionError(
                f"smoothgrad: gradient_of takes one film {film.shape}, got {noisy.shape}. Call it in a loop."
            )
        asked.append(noisy)
        return noisy - 100.0  # the gradient of half the square of (film - 100)

    got = np.asarray(f(gradient_of, film, 8, 0.1, 0), float)
    if not np.array_equal(film, before):
        raise AssertionError("smoothgrad: your function added noise to the film itself. Make a new array.")
    if len(asked) == 1:
        raise AssertionError(
            "smoothgrad: the gradient was computed only once. The mean of the noisy films is nearly the film itself; "
            "average the gradients instead."
        )
    if len(asked) != 8:
        raise AssertionError(f"smoothgrad: expected 8 samples, but the gradient was computed {len(asked)} times.")
    if got.shape != film.shape:
        raise AssertionError(f"smoothgrad: expected a map of the film's shape, {film.shape}, got {got.shape}.")
    noise = np.array(asked) - film
    if np.allclose(noise, noise[0], atol=1e-6):
        raise AssertionError(
            "smoothgrad: all samples have the same noise. Create one generator from `seed` before the loop, not in it."
        )
    if np.allclose(noise, noise[..., :1], atol=1e-6):
        raise AssertionError(
            "smoothgrad: the noise is the same in all three channels. Draw an array of the film's shape."
        )
    sd = noise.std()
    likely = {
        1.0: "A fixed 1 is what iNNvestigate uses, whatever you pass.",
        0.1: "The noise level is a fraction, not a standard deviation: of what?",
        0.1 * film.std(): "The paper uses the film's range, not its own standard deviation.",
        0.1 * 255: "Use the range of this film, not that of the file format.",
        np.sqrt(20.0): "Did you take 20 as the variance? NumPy expects the standard deviation.",
    }
    if abs(sd / 20 - 1) > 0.06:
        why = [text for value, text in likely.items() if abs(sd / value - 1) < 0.05]
        raise AssertionError(
            "smoothgrad: a noise level of 0.1 on a film from 0 to 200 means a standard deviation of 20, got "
            f"{sd:.3g}. {' '.join(why)}"
        )
    gradients = np.array(asked) - 100.0
    if np.allclose(got, np.abs(gradients).mean(axis=0), atol=1e-3):
        raise AssertionError(
            "smoothgrad: average first. If you take magnitudes before, the noise adds up instead of cancelling."
        )
    if np.allclose(got, gradients.sum(axis=0), atol=1e-3):
        raise AssertionError("smoothgrad: this is the sum over the samples; divide by their number.")
    if not np.allclose(got, gradients.mean(axis=0), atol=1e-3):
        raise AssertionError("smoothgrad: the map is not the mean of the gradients that were computed.")
    again, other = (np.asarray(f(gradient_of, film, 8, 0.1, seed), float) for seed in (0, 1))
    if not np.allclose(got, again, atol=1e-6):
        raise AssertionError("smoothgrad: the same seed must give the same map. Create one generator from `seed`.")
    if np.allclose(got, other, atol=1e-6):
        raise AssertionError("smoothgrad: another seed must give a different map. Is `seed` used?")
    return "smoothgrad: correct on this example. The hidden checks use other pixel ranges and sample counts."


def integrated_gradients(f: Callable[..., Any]) -> str:
    """Check `integrated_gradients`: integrated gradients of one film, from a baseline."""
    # value: the sum of w * x ** 3, so that the slope rises along the path; one pixel does not move.
    w = np.array([[[1.0], [2.0]], [[-0.5], [4.0]]])
    film, baseline = np.array([[[2.0], [1.0]], [[2.0], [1.0]]]), np.array([[[1.0], [0.0]], [[0.0], [1.0]]])
    before = film.copy(), baseline.copy()

    def value(x: np.ndarray) -> float:
        return float(np.sum(w * x**3))

    def gradient_of(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, float)
        if x.shape != film.shape:
            raise AssertionError(
                f"integrated_gradients: gradient_of takes one film {film.shape}, got {x.shape}. Call it in a loop."
            )
        return 3 * w * x**2

    got = np.asarray(f(gradient_of, film, baseline, 64), float)
    if not (np.array_equal(film, before[0]) and np.array_equal(baseline, before[1])):
        raise AssertionError("integrated_gradients: your function changed the film or the baseline. Make new arrays.")
    if got.shape != film.shape:
        raise AssertionError(
            f"integrated_gradients: expected a map of the film's shape, {film.shape}, got {got.shape}."
        )
    owed = value(film) - value(baseline)
    steps = np.arange(64) / 64
    along = {
        "left": np.mean([gradient_of(baseline + a * (film - baseline)) for a in steps], axis=0),
        "right": np.mean([gradient_of(baseline + a * (film - baseline)) for a in steps + 1 / 64], axis=0),
        "both": np.mean([gradient_of(baseline + a * (film - baseline)) for a in np.linspace(0, 1, 64)], axis=0),
        "from black": np.mean([gradient_of(a * film) for a in steps + 1 / 128], axis=0),
        "middle": np.mean([gradient_of(baseline + a * (film - baseline)) for a in steps + 1 / 128], axis=0),
    }
    way = film - baseline
    mistakes = [
        (way * along["left"], "your points are at the beginning of each step"),
        (way * along["right"], "your points are at the end of each step"),
        (way * along["both"], "64 points that include both ends weight the ends too much"),
    ]
    for wrong, why in mistakes:
        if np.allclose(got, wrong, rtol=1e-9, atol=1e-9):
            raise AssertionError(
                f"integrated_gradients: the map adds up to {got.sum():.4f}, expected {owed:.4f}. Close, but {why}: on a "
                "network whose slope changes at the ends the error exceeds 1 %. Use the midpoint of each step or the "
                "trapezoidal rule."
            )
    if abs(got[1, 1, 0]) > 1e-6:
        raise AssertionError(
            "integrated_gradients: the last pixel is the same in film and baseline, so it gets nothing; yours gives it "
            f"{got[1, 1, 0]:.3g}. The mean gradient is multiplied by (film - baseline)."
        )
    if np.allclose(got, way * along["from black"], rtol=0.01):
        raise AssertionError(
            "integrated_gradients: your path begins at 0. It must begin at the baseline, which need not be black."
        )
    if np.allclose(got, 64 * way * along["middle"], rtol=0.05):
        raise AssertionError(
            "integrated_gradients: the map is 64 times too large: take the mean of the gradients, not their sum."
        )
    if np.allclose(got, way * gradient_of(film), rtol=1e-6):
        raise AssertionError(
            "integrated_gradients: this uses the gradient at the film only. Where is the path from the baseline?"
        )
    if abs(got.sum() - owed) > 0.01 * abs(owed):
        raise AssertionError(
            f"integrated_gradients: the map adds up to {got.sum():.4f}, but value(film) - value(baseline) is {owed:.4f}."
        )
    exact = w * (film**3 - baseline**3)
    if not np.allclose(got, exact, rtol=0.01, atol=1e-6):
        raise AssertionError(
            "integrated_gradients: the sum is right, its distribution is not: expected "
            f"{exact[0, 0, 0]:.3g} for the first pixel, got {got[0, 0, 0]:.3g}."
        )
    return "integrated_gradients: correct on this example. The hidden checks use ReLU networks, other baselines and few steps."
