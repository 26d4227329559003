"""How good a network or a map is: metrics with intervals, baselines without a network, maps against a known truth.

Importing this package is quick and imports no TensorFlow; each module is loaded when it is first used.
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
