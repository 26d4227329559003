"""The errors of medxai: each states what is wrong, what was expected, what was found, and what to do next."""

from __future__ import annotations


class PixelRangeError(ValueError):
    """Pixels outside the range a network was trained on; the message names the likely mistake."""


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used: damaged, different from its card, or made for another network."""


class FoldError(ValueError):
    """A BatchNormalization layer that cannot be folded into the layer before it."""


class ExplanationError(RuntimeError):
    """An attribution map that could not be computed: the method rejects the network, or its process ended."""


class LeftOut(NotImplementedError):
    """Raised by the function of an exercise that an instructor left out of a course (course.toml, docs/instructors.md)."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the exercise `{key}` is not part of this course")
        self.key = key
