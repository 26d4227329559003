"""A network without its final softmax: what attribution methods explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..networks.layers import output_activation

if TYPE_CHECKING:
    import tensorflow as tf


def logits_model(model: tf.keras.Model) -> tf.keras.Model:
    """A copy of `model` that outputs logits: the same layers, names and weights, without the softmax at the end.

    The last layer's activation becomes linear; a final Activation or Softmax layer is removed. A sigmoid is treated in
    the same way. A model that already outputs logits is copied unchanged. The copy has its own weights: later training
    of one does not affect the other (update it with `copy.set_weights(model.get_weights())`, if the layers are the same).

    Returns
    -------
    keras Model (N, H, W, C) -> (N, classes), unbounded values; `tf.nn.softmax` of them is the output of `model`.

    Raises
    ------
    ValueError
        The model has more than one output, is not built, or its softmax is in a nested model.
    """
    import tensorflow as tf

    if not getattr(model, "inputs", None):
        raise ValueError(
            f"logits_model: {model.name!r} has no fixed input yet. Start it with Input(shape, name='film')."
        )
    if len(model.outputs) != 1:
        raise ValueError(f"logits_model: {model.name!r} has {len(model.outputs)} outputs; expected one. "
                         "Select one: tf.keras.Model(model.input, model.outputs[0]).")  # fmt: skip
    if isinstance(model.get_layer(model.output_names[0]), tf.keras.Model):
        raise ValueError(
            f"logits_model: the last layer, {model.output_names[0]!r}, is a nested model. Build one flat model: "
            "call the inner layers one after another."
        )
    output = model.outputs[0]
    found = output_activation(model)
    alone = found is not None and isinstance(found[1], tf.keras.layers.Activation | tf.keras.layers.Softmax)
    if found is not None and alone:
        output = found[1].input
    # A Sequential model has no graph in its configuration; a functional model has one.
    graph = tf.keras.Model(model.inputs, output, name=model.name)
    config = graph.get_config()
    if found is not None and not alone:
        for layer in config["layers"]:
            if layer["name"] == found[1].name:
                layer["config"]["activation"] = "linear"
    custom = {type(layer).__name__: type(layer) for layer in graph.layers}
    with tf.keras.utils.custom_object_scope(custom):
        copy = tf.keras.Model.from_config(config)
    for layer in copy.layers:
        layer.set_weights(graph.get_layer(layer.name).get_weights())
    return copy
