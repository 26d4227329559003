"""Keras networks that a student returns: architecture as JSON and weights as arrays, rebuilt from allowlisted parts.

Nothing is ever loaded by name. A Lambda layer contains bytecode, a TFOpLambda calls any TensorFlow operation (one of them
writes files), a `module` entry imports anything, and `load_model` executes what it loads. Therefore every part of the JSON
must be on the lists below before Keras sees it, and Keras may not create more weights than were sent.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from autograder.check.protocol.flaws import Flaw

MAX_JSON = 2 << 20  # characters
MAX_DEPTH, MAX_PARTS, MAX_NUMBER = 40, 20_000, 10_000_000


def _words(text: str) -> set[str]:
    return set(text.split())


NETWORKS = {"Functional", "Sequential", "Model"}
LAYERS = NETWORKS | _words(
    """
    InputLayer Dense Conv1D Conv2D Conv3D DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D Conv1DTranspose
    Conv2DTranspose Conv3DTranspose MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D Flatten Reshape Permute RepeatVector Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D
    GaussianNoise GaussianDropout AlphaDropout ActivityRegularization BatchNormalization LayerNormalization GroupNormalization
    UnitNormalization Activation ReLU LeakyReLU ELU PReLU ThresholdedReLU Softmax Add Subtract Multiply Average Maximum Minimum
    Concatenate Dot ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D
    UpSampling3D Resizing Rescaling Normalization CenterCrop RandomFlip RandomRotation RandomZoom RandomTranslation
    RandomContrast Embedding Masking LSTM GRU SimpleRNN LSTMCell GRUCell SimpleRNNCell Bidirectional TimeDistributed
    Attention MultiHeadAttention
    """
)
INITIALIZERS = _words(
    """
    Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling Orthogonal Identity
    GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform
    """
)
OTHERS = {"L1", "L2", "L1L2", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "Policy"}
ACTIVATIONS = _words(
    """
    linear relu relu6 softmax sigmoid tanh elu selu gelu swish softplus softsign exponential hard_sigmoid leaky_relu mish
    """
)
SHORT_NAMES = {
    "initializer": INITIALIZERS
    | _words(
        """
        zeros ones constant random_normal random_uniform truncated_normal variance_scaling orthogonal identity zero one normal
        uniform glorot_normal glorot_uniform he_normal he_uniform lecun_normal lecun_uniform
        """
    ),
    "regularizer": {"l1", "l2", "l1_l2", "L1", "L2", "L1L2"},
    "constraint": {"max_norm", "min_max_norm", "non_neg", "unit_norm", *OTHERS},
}
DTYPES = {"float16", "float32", "float64", "int32", "int64", "uint8", "bool", "mixed_float16"}
MODULES = {
    "keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints",
    "keras.mixed_precision", "keras.src.engine.functional", "keras.src.engine.sequential", "keras.src.engine.training",
    "builtins",
}  # fmt: skip
FUNCTIONS = {
    "function",
    "fn",
    "function_type",
    "arguments",
    "custom_objects",
    "code",
    "py_class_name",
    "vocabulary",
    "file",
}


class Refused(Exception):
    """A network that is not rebuilt: the flaw, and the name of the part that is not allowed."""

    def __init__(self, flaw: Flaw, name: str = ""):
        super().__init__(f"{flaw.value} {name}".strip())
        self.flaw, self.name = flaw, name


def describe(model: Any) -> tuple[str, list[Any]]:
    """One of our networks as the JSON of its architecture and its weights."""
    return model.to_json(), model.get_weights()


def rebuild(text: Any, weights: Any) -> Any:
    """The network that a student's process describes.

    Parameters
    ----------
    text : str
        The result of Keras' `to_json`.
    weights : list of arrays
        In the order of `get_weights`.

    Raises
    ------
    Refused
        If it has a part that is not allowed, or weights that do not fit.
    """
    if type(text) is not str or len(text) > MAX_JSON or type(weights) is not list:
        raise Refused(Flaw.NETWORK_TOO_LARGE)
    import numpy as np

    if not all(type(w) is np.ndarray and w.dtype.kind in "fiub" for w in weights):
        raise Refused(Flaw.NETWORK_NUMBERS)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(Flaw.NETWORK_UNREADABLE) from None
    if (
        not isinstance(config, dict)
        or config.get("class_name") not in NETWORKS
        or not isinstance(config.get("config"), dict)
    ):
        raise Refused(Flaw.NETWORK_KIND)
    _Look().at(config)
    import keras

    kind = keras.Sequential if config["class_name"] == "Sequential" else keras.Model
    try:
        with _no_more_than(sum(w.size for w in weights)):
            model = kind.from_config(config["config"])
        if [tuple(w.shape) for w in model.weights] != [w.shape for w in weights]:
            raise Refused(Flaw.NETWORK_WEIGHTS)
        model.set_weights(weights)
    except Refused:
        raise
    except Exception as e:
        raise Refused(Flaw.NETWORK_BUILD, type(e).__name__) from None
    return model


class _Look:
    """Walks a description; raises Refused at the first part that is not allowed."""

    def __init__(self) -> None:
        self.parts = 0

    def at(self, value: Any, key: str = "", depth: int = 0) -> None:
        self.parts += 1
        if depth > MAX_DEPTH or self.parts > MAX_PARTS:
            raise Refused(Flaw.NETWORK_TOO_LARGE)
        if isinstance(value, dict):
            self.object(value)
            for name, part in value.items():
                self.at(part, name, depth + 1)
        elif isinstance(value, list):
            for part in value:
                self.at(part, key, depth + 1)
        elif isinstance(value, str):
            self.text(value, key)
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) <= MAX_NUMBER:
            raise Refused(Flaw.NETWORK_LAYER)

    def object(self, value: dict[str, Any]) -> None:
        if FUNCTIONS & value.keys():
            raise Refused(Flaw.NETWORK_FUNCTION)
        if "class_name" not in value:
            if "module" in value or "registered_name" in value:
                raise Refused(Flaw.NETWORK_FOREIGN)
            return
        name = value["class_name"]
        if name in ("__tuple__", "TensorShape"):
            return
        if not isinstance(name, str) or name not in LAYERS | INITIALIZERS | OTHERS:
            raise Refused(Flaw.NETWORK_PART, str(name)[:40])
        if value.get("registered_name") not in (None, name) or value.get("module") not in (None, *MODULES):
            raise Refused(Flaw.NETWORK_FOREIGN)

    def text(self, value: str, key: str) -> None:
        if len(value) > 300:
            raise Refused(Flaw.NETWORK_NAME)
        if key.endswith("activation") and value not in ACTIVATIONS:
            raise Refused(Flaw.NETWORK_ACTIVATION, value[:40])
        if key == "dtype" and value not in DTYPES:
            raise Refused(Flaw.NETWORK_TYPE, value[:40])
        allowed = SHORT_NAMES.get(key.rsplit("_", 1)[-1])
        if allowed is not None and value not in allowed:
            raise Refused(Flaw.NETWORK_SETTING, f"{key[:40]}={value[:40]}")


@contextlib.contextmanager
def _no_more_than(elements: int) -> Iterator[None]:
    """Limits the weights that layers can create in the block: a description of a few bytes could request any number."""
    import tensorflow as tf

    left = elements

    def counted(next_creator: Callable[..., Any], **wanted: Any) -> Any:
        nonlocal left
        shape = wanted.get("shape")  # None for variables other than weights
        left -= 0 if shape is None else math.prod(shape)
        if left < 0:
            raise Refused(Flaw.NETWORK_WEIGHTS)
        return next_creator(**wanted)

    with tf.variable_creator_scope(counted):
        yield
