"""What a lab needs around its networks: the look at the environment, questions, boxes, example films, handing in.

Importing this package is quick and imports no TensorFlow; each module is loaded when it is first used.
"""

from __future__ import annotations

from data_fetch import lazy

__getattr__, __dir__ = lazy.attach(
    __name__,
    modules=(
        "boxes",
        "cases",
        "environment",
        "poll",
        "quiz",
        "submit",
    ),
)
