"""How good a network or a map is: metrics with intervals, baselines without a network, maps compared with the ground truth.

Importing this package is quick and does not import TensorFlow; each module is loaded when it is first used.
"""

from __future__ import annotations

from data_fetch import lazy

__getattr__, __dir__ = lazy.attach(
    __name__,
    modules=(
        "baselines",
        "localisation",
        "metrics",
    ),
)
