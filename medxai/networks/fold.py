"""Fold BatchNormalization into the layer before it, on a graph of any shape.

A trained BatchNorm scales and shifts each channel, which a convolution can do itself:
gamma * (w*x + b - mean) / sqrt(variance + epsilon) + beta. Several attribution methods return wrong maps for networks with
BatchNorm, or crash; so networks are trained with it and stored without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FoldError
from .layers import is_reference, references

if TYPE_CHECKING:
    import tensorflow as tf

# Layers whose kernel has the output channel last.
FOLDABLE = ("Conv1D", "Conv2D", "Conv3D", "Dense")


def fold_batch_norm(model: tf.keras.Model) -> tf.keras.Model:
    """A copy of `model` without BatchNormalization that computes the same function (to about 1e-6).

    Works on Sequential and functional models with skips and branches. Each Conv -> BatchNormalization becomes a single
    convolution with a bias; an Activation (or plain ReLU) that is the only reader of the BatchNorm is moved into the
    convolution, too. Layers keep their names; the original model is not changed. The moving statistics are used, as in
    `model.predict`.

    Raises
    ------
    FoldError
        A BatchNormalization does not directly follow a convolution or dense layer, or is in a nested model; or its
        convolution is read by another layer, has its own activation, or is used twice.
    """
    import tensorflow as tf

    # A Sequential model has no graph in its configuration; a functional model has one.
    graph = tf.keras.Model(model.inputs, model.outputs, name=model.name)
    config = graph.get_config()
    layers = {layer["name"]: layer for layer in config["layers"]}
    _refuse_nested(graph)

    readers = _readers(config)
    weights: dict[str, list[np.ndarray]] = {}
    replaced: dict[str, str] = {}  # name of a removed layer -> the layer that now computes its output
    for name, layer in layers.items():
        if layer["class_name"] != "BatchNormalization":
            continue
        target = _foldable_layer(graph, layers, readers, name)
        weights[target] = _folded_weights(graph.get_layer(target), graph.get_layer(name))
        layers[target]["config"]["use_bias"] = True
        replaced[name] = target
        activation = _only_activation(layers, readers, name)
        if activation:
            function, reader = activation
            layers[target]["config"]["activation"] = function
            replaced[reader] = target

    config["layers"] = [layer for layer in config["layers"] if layer["name"] not in replaced]
    for layer in config["layers"]:
        layer["inbound_nodes"] = _rewired(layer["inbound_nodes"], replaced)
    config["output_layers"] = _rewired(config["output_layers"], replaced)

    custom = {type(layer).__name__: type(layer) for layer in graph.layers}
    with tf.keras.utils.custom_object_scope(custom):
        plain = tf.keras.Model.from_config(config)
    for layer in plain.layers:
        if layer.weights:
            layer.set_weights(weights.get(layer.name) or graph.get_layer(layer.name).get_weights())
    return plain


def _refuse_nested(graph: tf.keras.Model) -> None:
    import tensorflow as tf

    for layer in graph.layers:
        inner = [layer] if isinstance(layer, tf.keras.Model) else [getattr(layer, "layer", None)]
        for part in inner:
            found = getattr(part, "layers", [part] if part is not None else [])
            if any(type(sub).__name__ == "BatchNormalization" for sub in found):
                raise FoldError(
                    f"fold_batch_norm: layer {layer.name!r} is a nested model that contains BatchNormalization. "
                    "Build one flat model: call the inner layers one after another instead of the inner model."
                )


def _readers(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """For each layer, the layers that read its output, once per use; "" is the model's output."""
    names = {layer["name"] for layer in config["layers"]}
    readers: dict[str, list[str]] = {name: [] for name in names}
    for layer in config["layers"]:
        for source in references(layer["inbound_nodes"], names):
            readers[source].append(layer["name"])
    outputs = config["output_layers"]
    for source in references(outputs if isinstance(outputs[0], list | tuple) else [outputs], names):
        readers[source].append("")
    return readers


def _rewired(node: Any, replaced: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _rewired(value, replaced) for key, value in node.items()}
    if isinstance(node, list | tuple):
        parts = [_rewired(part, replaced) for part in node]
        if is_reference(node, replaced):
            parts[0] = replaced[node[0]]
        return parts
    return node


def _foldable_layer(
    graph: tf.keras.Model, layers: Mapping[str, Any], readers: Mapping[str, list[str]], name: str
) -> str:
    """The name of the layer that BatchNorm `name` can be folded into; raises a FoldError with the reason if there is none."""
    nodes = layers[name]["inbound_nodes"]
    sources = references(nodes, layers)
    if len(nodes) != 1 or len(sources) != 1:
        raise FoldError(f"fold_batch_norm: {name!r} is used {len(nodes)} times; use a separate layer each time.")
    source = sources[0]
    kind, settings = layers[source]["class_name"], layers[source]["config"]
    if kind not in FOLDABLE:
        raise FoldError(
            f"fold_batch_norm: {name!r} follows {source!r}, a {kind} layer. It can be folded only into a layer directly "
            f"before it of type {', '.join(FOLDABLE)}: build Conv2D -> BatchNormalization -> Activation."
        )
    if settings["activation"] not in ("linear", None):
        raise FoldError(
            f"fold_batch_norm: {source!r} has activation {settings['activation']!r} before {name!r}, and a scale "
            "after a nonlinearity cannot be moved before it. Build Conv2D (no activation) -> BatchNormalization -> "
            "Activation."
        )
    if len(layers[source]["inbound_nodes"]) != 1:
        raise FoldError(f"fold_batch_norm: {source!r} before {name!r} is used more than once (shared weights).")
    if readers[source] != [name]:
        others = ", ".join(
            repr(reader) if reader else "the model's output" for reader in readers[source] if reader != name
        )
        raise FoldError(
            f"fold_batch_norm: {source!r} is also read by {others}, which would get the folded output. Let other "
            f"branches start after {name!r}."
        )
    layer = graph.get_layer(name)
    rank = len(graph.get_layer(source).output.shape)
    axis = list(layer.axis) if isinstance(layer.axis, list | tuple) else [layer.axis]
    channel_axis = 1 if settings.get("data_format") == "channels_first" else rank - 1
    if [part % rank for part in axis] != [channel_axis]:
        raise FoldError(
            f"fold_batch_norm: {name!r} normalises axis {axis}, but the channel axis of {source!r} is {channel_axis}."
        )
    return source


def _folded_weights(layer: tf.keras.layers.Layer, norm: tf.keras.layers.BatchNormalization) -> list[np.ndarray]:
    kernel, *bias = (weight.astype(np.float64) for weight in layer.get_weights())
    mean, variance = (np.asarray(value, np.float64) for value in (norm.moving_mean, norm.moving_variance))
    scale = (np.asarray(norm.gamma, np.float64) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    shift = np.asarray(norm.beta, np.float64) if norm.center else 0.0
    before = bias[0] if bias else 0.0
    return [(kernel * scale).astype(np.float32), ((before - mean) * scale + shift).astype(np.float32)]


def _only_activation(layers: Mapping[str, Any], readers: Mapping[str, list[str]], name: str) -> tuple[Any, str] | None:
    """The activation that is the only reader of `name`, as (function, layer name)."""
    if len(readers[name]) != 1 or not readers[name][0]:
        return None
    reader = readers[name][0]
    if len(layers[reader]["inbound_nodes"]) != 1:
        return None
    kind, settings = layers[reader]["class_name"], layers[reader]["config"]
    if kind == "Activation":
        return settings["activation"], reader
    plain = not settings.get("negative_slope") and not settings.get("threshold") and settings.get("max_value") is None
    return ("relu", reader) if kind == "ReLU" and plain else None
