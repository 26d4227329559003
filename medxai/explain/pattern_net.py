"""PatternNet: what in the film the network answers to."""

from __future__ import annotations

import numpy as np

from .patterns import PatternMethod


class PatternNet(PatternMethod):
    """The signal: what in the film the network answers to, sent back through the patterns.

    >>> analyzer = PatternNet(model).fit(training_films)
    >>> maps = analyzer.analyze(films, target=1)

    Maps are signed: where, and with which sign, the film holds what made the class's logit. They grow with the logit
    and change sign with it. For one layer they are in units of the input; in a deep network each layer adds the signals
    of all its units, so the size grows (to about 1e26 in the network of lab 01) and only the direction means something:
    divide by the largest magnitude to look at a map. What float32 could not hold, beyond 1e36, comes back smaller by a
    power of two.

    Parameters and errors as of `PatternMethod`: the model, and the patterns if another method has fitted them already.
    Source: Kindermans et al., arXiv 1705.05598.
    """

    name = "pattern.net"

    def _backward_kernel(self, kernel: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return direction
