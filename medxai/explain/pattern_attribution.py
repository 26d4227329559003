"""PatternAttribution: how much each pixel's signal added to a class's logit."""

from __future__ import annotations

import numpy as np

from .patterns import PatternMethod


class PatternAttribution(PatternMethod):
    """The contributions: how much each pixel's signal added to the class's logit.

    What leads back is pattern times weight. Maps are in units of the logit, signed. Since weight times pattern sums to
    1 in each unit, a network of linear units has maps that sum to the logit; where what is sent back meets units that do
    not fire, units without a pattern, or padding, it is lost, and in deep networks that is most.

    >>> patterns = fit_patterns(model, training_films)
    >>> maps = PatternAttribution(model, patterns).analyze(films, target=1)

    Parameters and errors as of `PatternMethod`: the model, and the patterns if another method has fitted them already.
    Source: Kindermans et al., arXiv 1705.05598.
    """

    name = "pattern.attribution"

    def _backward_kernel(self, kernel: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return kernel * direction
