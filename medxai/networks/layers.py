"""Helpers that inspect a network's layers and configuration, used for folding and for explaining."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf


def output_activation(model: tf.keras.Model) -> tuple[str, Any] | None:
    """The softmax or sigmoid that a network ends in.

    Parameters
    ----------
    model : keras Model
        Built, with one output.

    Returns
    -------
    (str, keras Layer) or None
        "softmax" or "sigmoid", and the layer that computes it; None if the network ends in neither.
    """
    import tensorflow as tf

    for name in model.output_names:
        layer = model.get_layer(name)
        if isinstance(layer, tf.keras.layers.Softmax):
            return "softmax", layer
        function = getattr(getattr(layer, "activation", None), "__name__", "")
        if function in ("softmax", "sigmoid"):
            return function, layer
    return None


def is_reference(node: list | tuple, names: Container[str]) -> bool:
    """Whether a part of a serialised network refers to a layer in `names`: [name, node, tensor], possibly with arguments."""
    return (
        len(node) in (3, 4)
        and isinstance(node[0], str)
        and node[0] in names
        and all(isinstance(part, int) for part in node[1:3])
    )


def references(node: Any, names: Container[str]) -> list[str]:
    """The names of all layers that a part of a serialised network reads, once per use.

    Parameters
    ----------
    node : dict, list, tuple or a value in one
        For example `layer["inbound_nodes"]` from `model.get_config()`.
    names : container of str
        The names of the network's layers.
    """
    if isinstance(node, dict):
        return [name for value in node.values() for name in references(value, names)]
    if isinstance(node, list | tuple):
        own = [node[0]] if is_reference(node, names) else []
        return own + [name for part in node for name in references(part, names)]
    return []
