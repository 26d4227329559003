"""What a lab needs besides networks: the check of the environment, questions, boxes, example films, packing a submission.

Importing this package is quick and does not import TensorFlow; each module is loaded when it is first used.
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
