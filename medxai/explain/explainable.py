"""What would make a network's attribution maps silently wrong, reported before any map is drawn.

Attribution methods follow a network layer by layer. They handle layers that they do not know in different ways: some
stop with an unhelpful error, others draw a map that looks normal but is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..networks.layers import output_activation as output_activation

if TYPE_CHECKING:
    import tensorflow as tf

# Activations that are separate layers, with parameters that relevance rules do not take into account.
ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU")

# Layers that preprocess films, or run arbitrary Python code, inside the network.
PREPARING_LAYERS = (
    "Rescaling",
    "Normalization",
    "Resizing",
    "CenterCrop",
    "Lambda",
    "TFOpLambda",
    "SlicingOpLambda",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomCrop",
)

# The automatic name of an Input without a name.
AUTOMATIC_INPUT = re.compile(r"input_\d+")


@dataclass(frozen=True)
class Cause:
    """One property of a network that makes its maps wrong.

    Attributes
    ----------
    kind : str
        "batch_norm", "activation_layer", "nested", "preparing", "softmax", "unnamed_input" or "unsupported".
    layer : str
        Name of the layer, as in `model.summary()`; for a layer in a nested model, "outer/inner".
    why : str
        What goes wrong.
    call : str
        What to do or call instead.
    """

    kind: str
    layer: str
    why: str
    call: str

    def __str__(self) -> str:
        return f"{self.layer!r}: {self.why} {self.call}"


class NotExplainableError(ValueError):
    """A network whose maps would be wrong; `causes` (a tuple of `Cause`) names each layer and what to call.

    The message states the same in words, one line per cause.
    """

    def __init__(self, model_name: str, causes: tuple[Cause, ...]) -> None:
        self.causes = causes
        listed = "\n".join(f"  - {cause}" for cause in causes)
        super().__init__(f"The maps of model {model_name!r} would be wrong or could not be drawn:\n{listed}")


def check_explainable(model: tf.keras.Model, logits: bool = True) -> None:
    """Raise NotExplainableError, with all causes, if attribution maps of `model` would be wrong.

    Parameters
    ----------
    model : keras Model
        Sequential or functional, already built.
    logits : bool
        The maps should explain logits, so a softmax (or sigmoid) at the end is a cause. Pass False to ignore it, if it
        is removed later.

    Causes, with their effect in iNNvestigate 2.1.2: BatchNormalization (LRP returns another map than for the same
    function without it; SmoothGrad and integrated gradients raise a TypeError), `ReLU()` and similar layers (LRP and
    DeconvNet stop), a nested model (guided backpropagation and DeconvNet equal the gradient, LRP stops), Rescaling,
    Lambda and other preprocessing layers (maps explain other pixels than the film's, LRP stops), a softmax at the end,
    and an Input without a name (integrated gradients stops).

    Raises
    ------
    NotExplainableError
        One or more causes, each with its layer and what to call instead.
    TypeError
        Not a Keras model.
    """
    causes = find_causes(model, logits)
    if causes:
        raise NotExplainableError(model.name, causes)


def find_causes(model: tf.keras.Model, logits: bool = True) -> tuple[Cause, ...]:
    """The causes that `check_explainable` would report, with the same parameters.

    Returns
    -------
    tuple of Cause
        In the order of the layers; empty for a plain network.

    Raises
    ------
    TypeError
        Not a Keras model.
    """
    import tensorflow as tf

    if not isinstance(model, tf.keras.Model):
        raise TypeError(f"check_explainable: expected a Keras model, got {type(model).__name__}.")
    if not getattr(model, "inputs", None):
        why = "the model has no fixed input yet, so the order of its layers is undefined."
        return (Cause("unsupported", model.name, why, "Start it with tf.keras.layers.Input(shape, name='film')."),)
    causes = _inputs_without_a_name(model)
    for layer in model.layers:
        causes += _causes_of(layer, layer.name)
    if logits:
        causes += _output_activation(model)
    return tuple(causes)


def _inputs_without_a_name(model: Any) -> list[Cause]:
    why = (
        "an automatic name. Methods that add their own inputs count from 1, too, and stop with "
        '"The name is used 2 times" (integrated gradients).'
    )
    call = "Build the model with tf.keras.layers.Input(shape, name='film')."
    names = [name for name in model.input_names if AUTOMATIC_INPUT.fullmatch(name)]
    return [Cause("unnamed_input", name, why, call) for name in names]


def _causes_of(layer: Any, path: str) -> list[Cause]:
    import tensorflow as tf

    # Wrappers, such as TimeDistributed, keep what they wrap in `layer`.
    inside = layer.layers if isinstance(layer, tf.keras.Model) else [getattr(layer, "layer", None)]
    inner = [part for part in inside if isinstance(part, tf.keras.layers.Layer)]
    if inner:
        why = (
            "a model or layer within another. Guided backpropagation and DeconvNet do not see the ReLUs in it and draw "
            "the plain gradient; LRP stops."
        )
        call = "Build one flat model: call the inner layers one after another instead of the inner model."
        within = [cause for part in inner for cause in _causes_of(part, f"{path}/{part.name}")]
        return [Cause("nested", path, why, call), *within]
    kind = type(layer).__name__
    # Not by name alone: SyncBatchNormalization and custom subclasses are normalisations, too.
    if isinstance(layer, tf.keras.layers.BatchNormalization):
        why = "BatchNormalization. LRP maps change although the function is the same; SmoothGrad and integrated gradients stop."
        call = "Explain medxai.networks.fold.fold_batch_norm(model), which computes the same without it."
        return [Cause("batch_norm", path, why, call)]
    if kind in ACTIVATION_LAYERS:
        why = f"a {kind}() layer. LRP and DeconvNet stop on it."
        call = "Build with activation='relu' or Activation('relu') and copy: plain.set_weights(model.get_weights())."
        if kind != "ReLU":
            call = "Relevance rules and patterns are defined for ReLU: train the network with activation='relu'."
        return [Cause("activation_layer", path, why, call)]
    if kind in PREPARING_LAYERS:
        why = (
            f"a {kind} layer. Maps then explain the pixels before it, with their scale, baseline and noise; "
            "LRP and the pattern methods do not support it."
        )
        call = (
            "Preprocess the films outside the network (medxai.networks.preprocessing.to_network_input) and let it start "
            "after this layer; instead of an operator (a + b) use a layer (Add)."
        )
        return [Cause("preparing", path, why, call)]
    return []


def _output_activation(model: Any) -> list[Cause]:
    found = output_activation(model)
    if found is None:
        return []
    name, layer = found
    why = (
        f"{name} at the end. Where it saturates, its gradient vanishes and the map is rounding noise; what lowers the "
        "other classes counts as evidence too."
    )
    call = "Explain medxai.explain.logits_model(model): the same weights without it."
    return [Cause("softmax", layer.name, why, call)]
