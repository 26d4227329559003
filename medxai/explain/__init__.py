"""Attribution maps: which pixels a network's prediction is based on.

Importing this package is quick and does not import TensorFlow; each module is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_fetch import lazy

if TYPE_CHECKING:
    from .analyzers import create_analyzer
    from .explainable import Cause, NotExplainableError, check_explainable, find_causes
    from .logits import logits_model
    from .pattern_attribution import PatternAttribution
    from .pattern_net import PatternNet
    from .patterns import Patterns, fit_patterns

__all__ = [
    "Cause",
    "NotExplainableError",
    "PatternAttribution",
    "PatternNet",
    "Patterns",
    "check_explainable",
    "create_analyzer",
    "find_causes",
    "fit_patterns",
    "logits_model",
]

__getattr__, __dir__ = lazy.attach(
    __name__,
    modules=("cam",),
    names={
        "Cause": "explainable",
        "NotExplainableError": "explainable",
        "PatternAttribution": "pattern_attribution",
        "PatternNet": "pattern_net",
        "Patterns": "patterns",
        "check_explainable": "explainable",
        "create_analyzer": "analyzers",
        "find_causes": "explainable",
        "fit_patterns": "patterns",
        "logits_model": "logits",
    },
)
