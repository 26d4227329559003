"""Hidden checks of mean_cross_entropy: one function for each graded cell."""

import numpy as np


def cost_of(f, logits, labels):
    with np.errstate(all="ignore"):
        value = np.asarray(f(logits.copy(), labels.copy()), float)
    if value.shape != ():
        raise AssertionError("the cost of a batch must be one number, reduced over the films")
    return float(value)


def expected(logits, labels):
    largest = logits.max(axis=1)
    return float(
        np.mean(
            largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        )
    )


def mean_cross_entropy_1(f, rng):
    """The mean over the films of the cost of the true class, for any batch and any number of classes."""
    for films, classes in ((1, 2), (16, 2), (7, 5)):
        logits, labels = rng.normal(0, 2, (films, classes)), rng.integers(0, classes, films)
        value = cost_of(f, logits, labels)
        if not np.isclose(value, expected(logits, labels), rtol=1e-9, atol=1e-9):
            raise AssertionError(
                "the cost must be the mean over the films of minus the natural logarithm of the true class's softmax probability"
            )
        twice = cost_of(f, np.concatenate([logits, logits]), np.concatenate([labels, labels]))
        if not np.isclose(twice, value):
            raise AssertionError("a batch that holds every film twice must cost the same: take the mean, not the sum")


def mean_cross_entropy_2(f, rng):
    """Large logits: finite, and right, whichever class is true."""
    for size in (50.0, 800.0, 20_000.0):
        logits = rng.uniform(0.5, 1.0, (6, 3)) * size * rng.choice([-1, 1], (6, 3))
        for labels in (logits.argmax(axis=1), logits.argmin(axis=1)):
            value = cost_of(f, logits, labels)
            if not np.isfinite(value):
                raise AssertionError(
                    "with large logits the cost is not a finite number: take off the largest logit of each film first"
                )
            if not np.isclose(value, expected(logits, labels), rtol=1e-6, atol=1e-6):
                raise AssertionError(
                    "with large logits the cost is wrong: a film that is wrong by a large margin costs that margin; nothing is clipped"
                )
