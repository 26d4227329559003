"""The errors of medxai: each says what is wrong, what was expected, what came, and what to do next."""

from __future__ import annotations


class PixelRangeError(ValueError):
    """Pixels that are not in the range a network was trained on; the message names the likely mistake."""


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used: damaged, not what its card says, or made for another network."""


class FoldError(ValueError):
    """A BatchNormalization layer that cannot be folded into the layer before it."""


class ExplanationError(RuntimeError):
    """A map that could not be made: the method refuses the network, or the process that computes it ended."""
