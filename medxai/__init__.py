"""What students import: the course's networks, training, metrics, figures and checks.

Importing this package is quick and does not import TensorFlow, which is loaded when it is first needed. TensorFlow
then starts without its notes about the machine, which look like errors but are not: set TF_CPP_MIN_LOG_LEVEL=0 to read
them. Retracing warnings are suppressed, too.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from data_fetch import lazy

if TYPE_CHECKING:
    from . import evaluate, explain, lab, networks, plots
    from .errors import CheckpointError, ExplanationError, FoldError, PixelRangeError
    from .explain.analyzers import create_analyzer
    from .explain.explainable import NotExplainableError, check_explainable
    from .networks.checkpoints import Checkpoint, load_checkpoint, save_checkpoint

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A lab calls many small networks once each, and each call would print a five-line warning about speed.
logging.getLogger("tensorflow").addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "ExplanationError",
    "FoldError",
    "NotExplainableError",
    "PixelRangeError",
    "check_explainable",
    "create_analyzer",
    "evaluate",
    "explain",
    "lab",
    "load_checkpoint",
    "networks",
    "plots",
    "save_checkpoint",
]

__getattr__, __dir__ = lazy.attach(
    __name__,
    modules=("evaluate", "explain", "lab", "networks", "plots"),
    names={
        "Checkpoint": "networks.checkpoints",
        "CheckpointError": "errors",
        "ExplanationError": "errors",
        "FoldError": "errors",
        "NotExplainableError": "explain.explainable",
        "PixelRangeError": "errors",
        "check_explainable": "explain.explainable",
        "create_analyzer": "explain.analyzers",
        "load_checkpoint": "networks.checkpoints",
        "save_checkpoint": "networks.checkpoints",
    },
)
