"""Visible checks of lab 01. Each calls the student's function on inputs small enough to work out by hand.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MEANS = np.array([103.939, 116.779, 123.68])  # ImageNet means of blue, green, red


def preprocess(f: Callable[..., Any]) -> str:
    """Check `preprocess(films)`: grey films as input for a network initialised from VGG16 on ImageNet."""
    films = np.array([[[0.0, 100.0, 255.0], [50.0, 50.0, 50.0]]], dtype=np.float32)
    before = films.copy()
    x = np.asarray(f(films))
    if not np.array_equal(films, before):
        raise AssertionError(
            "preprocess: your function changed the films it was given. If the cell is run twice, they are "
            "preprocessed twice. Make a new array instead."
        )
    if x.shape != (1, 2, 3, 3):
        raise AssertionError(
            f"preprocess: 1 film of 2 x 3 pixels must become (1, 2, 3, 3), got {x.shape}. The three channels come last."
        )
    if x.dtype != np.float32:
        raise AssertionError(
            f"preprocess: expected float32, got {x.dtype}. Float64 doubles the memory without any benefit."
        )
    grey = before[..., None]
    if np.allclose(x, grey - MEANS, atol=1e-3):
        return "preprocess: correct on this example. The hidden checks use other films, integer films and batches."
    if np.allclose(x, grey - MEANS[::-1], atol=1e-3):
        raise AssertionError(
            "preprocess: your channels are in the order red, green, blue. VGG16 was trained on blue, green, red."
        )
    if np.allclose(x, grey - 2 * MEANS, atol=1e-3) or np.allclose(x, (grey - MEANS)[..., ::-1] - MEANS, atol=1e-3):
        raise AssertionError("preprocess: the means were subtracted twice. Do you also call the library's function?")
    if np.abs(x).max() < 20:
        raise AssertionError(
            f"preprocess: your values range from {x.min():.3g} to {x.max():.3g}. Do not divide: the network expects "
            "grey values from 0 to 255, minus the means."
        )
    if np.ptp(x[0, 0, 0]) < 1e-3:
        raise AssertionError("preprocess: all three channels are equal, but each colour has its own mean. Which three?")
    raise AssertionError(
        f"preprocess: a pixel value of 100 must become (-3.939, -16.779, -23.680), got {x[0, 0, 1].round(3).tolist()}."
    )


def patient_folds(f: Callable[..., Any]) -> str:
    """Check `patient_folds(labels, patients, n_folds, seed)`: all folds of a cross-validation split by patient."""
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0])
    patients = np.array([5, 5, 7, 7, 2, 2, 9, 4, 4, 8, 1, 1])
    folds = f(labels, patients, 3, 0)
    if not isinstance(folds, list | tuple) or len(folds) != 3:
        got = f"{len(folds)} of them" if isinstance(folds, list | tuple) else type(folds).__name__
        raise AssertionError(
            f"patient_folds: expected 3 folds, a list of 3 pairs (train, validation), got {got}. "
            "Does your loop keep only the last fold?"
        )
    held_out = []
    for pair in folds:
        train, validation = (np.asarray(part) for part in pair)
        if train.dtype.kind not in "iu" or validation.dtype.kind not in "iu":
            raise AssertionError(
                "patient_folds: expected two integer arrays of film indices in each fold, got "
                f"{train.dtype} and {validation.dtype}."
            )
        if set(train) & set(validation) or len(train) + len(validation) != len(labels):
            raise AssertionError(
                "patient_folds: in every fold, each of the 12 films must be in exactly one part, train or validation. "
                "Did you return patients instead of films?"
            )
        shared = set(patients[train].tolist()) & set(patients[validation].tolist())
        if shared:
            raise AssertionError(
                f"patient_folds: patients {sorted(shared)} are in both parts of one fold. A network that memorises "
                "patients would then score too high. What must be split: films or patients?"
            )
        held_out.append(validation)
    if sorted(np.concatenate(held_out)) != list(range(len(labels))):
        raise AssertionError(
            "patient_folds: across all folds, every film must be held out exactly once. Are train and validation swapped?"
        )
    if any(not labels[validation].any() for validation in held_out):
        raise AssertionError(
            "patient_folds: one of your folds has no positive film. Keep the proportion of positives similar in all folds."
        )
    return "patient_folds: correct on this example. The hidden checks use larger sets with many patients."


def class_weights(f: Callable[..., Any]) -> str:
    """Check `class_weights(labels)`: balanced weights, as `model.fit(class_weight=...)` expects them."""
    labels = np.array([0, 0, 0, 1])
    weights = f(labels)
    if not isinstance(weights, dict):
        raise AssertionError(
            f"class_weights: Keras expects a dict, class -> weight, got {type(weights).__name__}. "
            "It rejects an array or, worse, silently misinterprets it."
        )
    if sorted(weights) != [0, 1]:
        raise AssertionError(f"class_weights: the keys must be the classes 0 and 1, got {sorted(weights)}.")
    low, high = float(weights[0]), float(weights[1])
    if low > high:
        raise AssertionError("class_weights: the rare class must get the larger weight. Is your fraction upside down?")
    if not np.isclose(3 * low, high):
        raise AssertionError(
            "class_weights: the three films of class 0 together must have the same weight as the one film of class 1, "
            f"got {3 * low:.4g} and {high:.4g}."
        )
    if not np.isclose(3 * low + high, 4):
        raise AssertionError(
            f"class_weights: summed over the 4 films, the weights must add up to 4, got {3 * low + high:.4g}. "
            "Otherwise the weights change the learning rate as well."
        )
    return "class_weights: correct on this example (2/3 and 2). The hidden checks use other labels and more classes."


def block6_and_head(f: Callable[..., Any]) -> str:
    """Check `block6_and_head(shape, width_divisor, classes)`: block 6 and the head of the cardiomegaly network."""
    model = f((16, 16, 512), 1, 2)
    if not hasattr(model, "layers") or not hasattr(model, "count_params"):
        raise AssertionError(f"block6_and_head: expected a tf.keras.Model, got {type(model).__name__}.")
    names = [layer.name for layer in model.layers]
    wanted = ["block6_conv1", "block6_conv2", "block6_conv3", "block6_pool"]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise AssertionError(
            f"block6_and_head: no layer is called {missing[0]}. The names matter: weights are loaded by name."
        )
    pooled = tuple(model.get_layer("block6_pool").output_shape[1:])
    if pooled != (5, 5, 512):
        raise AssertionError(
            "block6_and_head: for a feature map of 16 x 16 x 512, block6_pool must return 5 x 5 x 512, got "
            f"{' x '.join(map(str, pooled))}. Valid padding removes one pixel on every side, three times."
        )
    out = model(np.random.default_rng(0).normal(size=(3, 16, 16, 512)).astype("float32")).numpy()
    if out.shape != (3, 2):
        raise AssertionError(f"block6_and_head: three films and two classes must give (3, 2), got {out.shape}.")
    if (out < 0).any() or not np.allclose(out.sum(axis=1), 1, atol=1e-4):
        raise AssertionError(
            "block6_and_head: the outputs for a film must be probabilities that add up to 1. Which activation does that?"
        )
    if model.count_params() != 8_361_586:
        raise AssertionError(
            f"block6_and_head: expected 8,361,586 parameters, got {model.count_params():,}. "
            "Compare your dense layers with the task: 100, 20, then one output per class."
        )
    return "block6_and_head: correct at full width. The hidden checks use other widths, sizes and class counts."


def operating_point(f: Callable[..., Any]) -> str:
    """Check `operating_point`: a threshold chosen on validation films, and its results on test films."""
    val_labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    val_scores = np.array([0.05, 0.1, 0.2, 0.32, 0.6, 0.3, 0.4, 0.7, 0.8, 0.9])
    test_labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    test_scores = np.array([0.1, 0.2, 0.4, 0.7, 0.35, 0.5, 0.6, 0.9])
    got = f(val_labels, val_scores, test_labels, test_scores, 0.8)
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise AssertionError("operating_point: return three numbers: threshold, sensitivity and specificity.")
    threshold, sensitivity, specificity = (float(value) for value in got)
    if threshold == 0.5:
        raise AssertionError(
            "operating_point: 0.5 is a habit, not a choice. Which threshold finds 8 of 10 positives on validation?"
        )
    on_test = np.sort(test_scores[test_labels == 1])
    if threshold in on_test and threshold not in val_scores:
        raise AssertionError(
            "operating_point: this threshold was chosen on the test films. That uses up the test set: "
            "the sensitivity reported on it is then guaranteed by construction."
        )
    if not np.isclose(threshold, 0.4):
        raise AssertionError(
            "operating_point: four of the five positive validation films score 0.4 or more, so 0.4 is the highest "
            f"threshold with a sensitivity of at least 0.8; got {threshold:.4g}."
        )
    if np.isclose(sensitivity, 0.8):
        raise AssertionError("operating_point: 0.8 is the sensitivity on validation; report that of the test films.")
    if np.isclose(sensitivity, 0.5) and np.isclose(specificity, 0.75):
        raise AssertionError(
            "operating_point: sensitivity is computed on the positive films, specificity on the negative ones. Swapped?"
        )
    if not np.isclose(sensitivity, 0.75):
        raise AssertionError(
            f"operating_point: 3 of the 4 positive test films score 0.4 or more: expected 0.75, got {sensitivity:.4g}."
        )
    if not np.isclose(specificity, 0.5):
        raise AssertionError(
            f"operating_point: 2 of the 4 negative test films score below 0.4: expected 0.5, got {specificity:.4g}."
        )
    return "operating_point: correct on this example. The hidden checks use ties, other targets and other test sets."


def bootstrap_interval(f: Callable[..., Any]) -> str:
    """Check `bootstrap_interval`: percentile bootstrap interval of the AUROC, resampled by patient."""
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(40), 4)
    labels = np.repeat((np.arange(40) % 3 == 0).astype(int), 4)
    scores = np.repeat(rng.normal(size=40) + (np.arange(40) % 3 == 0), 4) + rng.normal(0, 0.05, 160)
    got = f(labels, scores, patients, 1000, 0.95, 0)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("bootstrap_interval: return two numbers: the lower and the upper bound.")
    low, high = (float(value) for value in got)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise AssertionError(
            "bootstrap_interval: a bound is not finite. What happens when a resample contains only one class?"
        )
    if high < low:
        raise AssertionError("bootstrap_interval: the lower bound comes first.")
    if high - low < 1e-6:
        raise AssertionError(
            "bootstrap_interval: the interval has zero width. Drawing every patient once gives the same set again: "
            "draw with replacement."
        )
    if high - low < 0.24:
        raise AssertionError(
            f"bootstrap_interval: your interval is {high - low:.3f} wide, much too narrow. The 160 films are four films "
            "each of 40 patients: draw patients, and take all films of a patient each time that patient is drawn."
        )
    if high - low < 0.34:
        raise AssertionError(
            f"bootstrap_interval: your interval is {high - low:.3f} wide, slightly too narrow. "
            "A patient drawn twice must count twice."
        )
    if high - low > 0.46:
        raise AssertionError(
            f"bootstrap_interval: your interval is {high - low:.3f} wide, too wide for a level of 0.95."
        )
    first, again = (f(labels, scores, patients, 50, 0.95, 0) for _ in range(2))
    if not np.allclose(first, again):
        raise AssertionError(
            "bootstrap_interval: the same seed must give the same interval. Create one generator from `seed`."
        )
    return "bootstrap_interval: correct on this example. The hidden checks use other levels, rare classes and known intervals."


def calibration_error(f: Callable[..., Any]) -> str:
    """Check `calibration_error(labels, probabilities, bins)`: expected calibration error for the positive class."""
    labels = np.array([0, 1, 0, 1, 1, 1, 1, 1, 1, 0])
    probabilities = np.array([0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75, 0.75, 1.0])
    got = float(f(labels, probabilities, 2))
    if np.isclose(got, 0.225) or np.isclose(got, 0.25):
        raise AssertionError(
            "calibration_error: a film with probability 1.0 belongs to the last bin, but yours was lost. "
            "Which bin index does 1.0 get?"
        )
    if np.isclose(got, (0.25 + 0.25 / 6) / 2):
        raise AssertionError("calibration_error: weight each bin by its share of the films: 4 and 6 of 10 here.")
    if not np.isclose(got, 0.125):
        raise AssertionError(
            "calibration_error: by hand, 0.4 * |0.5 - 0.25| + 0.6 * |0.8333 - 0.7917| = 0.125, "
            f"got {got:.4g}. Use the mean probability in the bin, not the bin's centre, and the positive class."
        )
    both = float(f(np.array([1, 0, 0, 1]), np.array([0.3, 0.3, 0.8, 0.8]), 2))
    if not np.isclose(both, 0.25):
        raise AssertionError(
            f"calibration_error: with one bin 0.2 too low and one 0.3 too high the error is 0.25, got {both:.4g}. "
            "Gaps of opposite sign must not cancel."
        )
    return "calibration_error: correct on these examples. The hidden checks use other tables and empty bins."


def fit_temperature(f: Callable[..., Any]) -> str:
    """Check `fit_temperature(labels, logits)`: the temperature that maximises the likelihood of the labels."""
    logits = np.array([[2.0, -2.0]] * 8 + [[-2.0, 2.0]] * 2)
    labels = np.array([0] * 6 + [1] * 2 + [1] * 2)
    got = float(f(labels, logits))
    margin = 4.0 / np.log(4.0)  # 8 of the 10 predictions are correct, for either class
    if np.isclose(got, 1 / margin, rtol=0.02):
        raise AssertionError("fit_temperature: the logits are *divided* by the temperature; yours multiplies them.")
    if not np.isclose(got, margin, rtol=0.02):
        raise AssertionError(
            "fit_temperature: every prediction has a margin of 4 and 8 of 10 are correct, so the margin should be log(8/2) "
            f"= 1.386 and the temperature 4 / 1.386 = 2.885, got {got:.4g}."
        )
    return "fit_temperature: correct on this example. The hidden checks use data of known temperature, also below 1."
