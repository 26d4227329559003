"""PatternNet: the signal in the film that the network responds to."""

from __future__ import annotations

import numpy as np

from .patterns import PatternMethod


class PatternNet(PatternMethod):
    """The signal in the film that the network responds to, propagated back through the patterns.

    >>> analyzer = PatternNet(model).fit(training_films)
    >>> maps = analyzer.analyze(films, target=1)

    Maps are signed: they show where, and with which sign, the film contains the signal behind the class's logit. They
    grow with the logit and change sign with it. For one layer they are in units of the input; in a deep network each
    layer adds the signals of all its units, so the magnitude grows (to about 1e26 in the network of lab 01) and only the
    direction is meaningful: divide by the largest magnitude to display a map. Values beyond 1e36, too large for float32,
    are scaled down by a power of two.

    Parameters and errors as in `PatternMethod`: the model, and the patterns if another method has already fitted them.
    Source: Kindermans et al., arXiv 1705.05598.
    """

    name = "pattern.net"

    def _backward_kernel(self, kernel: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return direction
