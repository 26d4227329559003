"""What students import: the course's networks, training, metrics, figures and checks.

Importing this package is quick and imports no TensorFlow; what needs TensorFlow loads it when it is first called.
A TensorFlow that is imported later starts without its notes on the machine, which look like errors and are none: set
TF_CPP_MIN_LOG_LEVEL=0 to read them. It does not warn of retracing either.
"""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoints import Checkpoint, load_checkpoint, save_checkpoint
    from .explain.analyzers import create_analyzer
    from .explain.explainable import NotExplainableError, check_explainable

from .errors import CheckpointError, ExplanationError, FoldError, PixelRangeError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A lab calls many small networks once each; a warning of five lines says every time that this could be faster.
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
    "load_checkpoint",
    "save_checkpoint",
]

# Public name -> the module that holds it, so that `medxai.load_checkpoint` works without importing it here.
_LAZY = {
    "Checkpoint": "checkpoints",
    "NotExplainableError": "explain.explainable",
    "check_explainable": "explain.explainable",
    "create_analyzer": "explain.analyzers",
    "load_checkpoint": "checkpoints",
    "save_checkpoint": "checkpoints",
}
_MODULES = (
    "cases",
    "checkpoints",
    "explain",
    "fold",
    "localisation",
    "metrics",
    "models",
    "own",
    "plots",
    "preprocessing",
    "rivals",
    "runs",
    "training",
)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_MODULES})
