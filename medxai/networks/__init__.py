"""Networks: how they are built, trained, folded, stored and loaded.

Importing this package is quick and does not import TensorFlow; each module is loaded when it is first used.
"""

from __future__ import annotations

from data_fetch import lazy

__getattr__, __dir__ = lazy.attach(
    __name__,
    modules=(
        "checkpoint_card",
        "checkpoints",
        "fold",
        "models",
        "own_network",
        "prediction",
        "preprocessing",
        "recipes",
        "tensorboard_runs",
        "training",
    ),
)
