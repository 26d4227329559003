"""Hidden checks of fit_temperature: one function for each graded cell."""

import numpy as np


def sample(rng, temperature, n=6000, classes=2):
    logits = rng.normal(0, 2, (n, classes))
    z = logits / temperature
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return (p.cumsum(1) < rng.uniform(size=(n, 1))).sum(1), logits


def fit_temperature_1(f, rng):
    """Recovers a known temperature, above and below 1."""
    for temperature in (2.5, 0.4):
        labels, logits = sample(rng, temperature)
        if not np.isclose(float(f(labels, logits)), temperature, rtol=0.15):
            raise AssertionError(
                "labels drawn at a known temperature must give that temperature back, above and below 1"
            )


def fit_temperature_2(f, rng):
    """Logits three times as large have a temperature three times as high."""
    labels, logits = sample(rng, 1.5, 3000, 3)
    once, thrice = float(f(labels, logits)), float(f(labels, 3 * logits))
    if not once > 0:
        raise AssertionError("a temperature is greater than 0: the logits are divided by it")
    if not np.isclose(thrice, 3 * once, rtol=0.02):
        raise AssertionError(
            "multiplying all logits must multiply the temperature: is your search bounded too tightly?"
        )
