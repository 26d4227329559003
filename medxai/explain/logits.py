"""A network without its last softmax: what attribution methods explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..networks.layers import output_activation

if TYPE_CHECKING:
    import tensorflow as tf


def logits_model(model: tf.keras.Model) -> tf.keras.Model:
    """A copy of `model` whose output is the logits: the same layers, names and weights, no softmax at the end.

    The last layer's activation becomes linear; an Activation or Softmax layer at the end goes. A sigmoid is taken off
    likewise. A model that gives logits already is copied. The copy has weights of its own: what is trained later in one
    does not reach the other (`copy.set_weights(model.get_weights())` does, as long as both have the same layers).

    Returns
    -------
    keras Model (N, H, W, C) -> (N, classes), values of any size; `tf.nn.softmax` of them is what `model` gives.

    Raises
    ------
    ValueError
        The model has more than one output, is not built, or its softmax sits in a nested model.
    """
    import tensorflow as tf

    if not getattr(model, "inputs", None):
        raise ValueError(
            f"logits_model: {model.name!r} has no fixed input yet. Start it with Input(shape, name='film')."
        )
    if len(model.outputs) != 1:
        raise ValueError(f"logits_model: {model.name!r} has {len(model.outputs)} outputs; expected one. "
                         "Take one: tf.keras.Model(model.input, model.outputs[0]).")  # fmt: skip
    if isinstance(model.get_layer(model.output_names[0]), tf.keras.Model):
        raise ValueError(
            f"logits_model: the last layer {model.output_names[0]!r} is a model within the model. Build one flat model: "
            "call the inner layers one after another."
        )
    output = model.outputs[0]
    found = output_activation(model)
    alone = found is not None and isinstance(found[1], tf.keras.layers.Activation | tf.keras.layers.Softmax)
    if found is not None and alone:
        output = found[1].input
    # Sequential has no graph in its configuration; as a functional model it has.
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
