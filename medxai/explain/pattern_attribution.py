"""PatternAttribution: how much each pixel's signal contributed to a class's logit."""

from __future__ import annotations

import numpy as np

from .patterns import PatternMethod


class PatternAttribution(PatternMethod):
    """The contributions: how much each pixel's signal contributed to the class's logit.

    The backward pass uses pattern times weight. Maps are in units of the logit, signed. Since weight times pattern sums
    to 1 in each unit, the maps of a network of linear units sum to the logit; contributions that reach inactive units,
    units without a pattern, or padding are lost, which in deep networks is most of them.

    >>> patterns = fit_patterns(model, training_films)
    >>> maps = PatternAttribution(model, patterns).analyze(films, target=1)

    Parameters and errors as in `PatternMethod`: the model, and the patterns if another method has already fitted them.
    Source: Kindermans et al., arXiv 1705.05598.
    """

    name = "pattern.attribution"

    def _backward_kernel(self, kernel: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return kernel * direction
