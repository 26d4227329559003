"""Small networks that attribution methods get wrong, and what iNNvestigate makes of each.

Run as a program it prints iNNvestigate's maps as one line of JSON; it needs a process of its own, without eager
execution. Imported, it only builds the networks.
"""

import json
import sys

import numpy as np
import tensorflow as tf

L = tf.keras.layers

# gamma, beta, mean and variance, as a training could have left them.
GAMMA, BETA, MEAN, VARIANCE = np.array([[2.5, 0.4, 1.5], [1.3, -0.8, 0.6], [2.4, -2.5, 1.2], [0.2, 3.0, 0.7]])
EPSILON = 1e-3

CASES = {
    "plain": ("lrp.z", "guided_backprop", "deconvnet", "input_t_gradient", "integrated_gradients"),
    "batch_norm": ("lrp.z", "input_t_gradient", "smoothgrad", "integrated_gradients"),
    "folded": ("lrp.z", "input_t_gradient", "smoothgrad", "integrated_gradients"),
    "activation_layer": ("lrp.z", "deconvnet"),
    "nested": ("gradient", "guided_backprop", "deconvnet", "lrp.z"),
    "preparing": ("input_t_gradient", "lrp.z"),
    "softmax": ("gradient",),
    "unnamed_input": ("integrated_gradients",),
}


def build(kind, activation=None):
    """A network with one convolution, without biases unless folded; `kind` says what is wrong with it, if anything."""
    tf.keras.utils.set_random_seed(3)
    i = x = L.Input((6, 6, 1), name="input_1" if kind == "unnamed_input" else "film")
    function = "relu" if kind != "batch_norm" else None
    kernels = L.Conv2D(3, 3, use_bias=kind == "folded", name="conv", activation=function)
    if kind == "preparing":
        x = kernels(L.Rescaling(1.0, offset=-1.0, name="scale")(x))
    elif kind == "batch_norm":
        norm = L.BatchNormalization(name="norm", epsilon=EPSILON)
        x = L.Activation("relu", name="relu")(norm(kernels(x)))
        norm.set_weights([GAMMA, BETA, MEAN, VARIANCE])
    elif kind == "activation_layer":
        x = L.ReLU(name="relu")(L.Conv2D(3, 3, use_bias=False, name="conv")(x))
    elif kind == "nested":
        j = L.Input((6, 6, 1), name="inner_film")
        x = tf.keras.Model(j, kernels(j), name="inner")(x)
    else:
        x = kernels(x)
    activation = "softmax" if kind == "softmax" else activation
    x = L.Dense(2, use_bias=False, name="classes", activation=activation)(L.Flatten(name="flatten")(x))
    model = tf.keras.Model(i, x, name=kind)
    rng = np.random.default_rng(0)
    kernel, head = rng.normal(0, 0.5, (3, 3, 1, 3)), rng.normal(0, 0.3, (48, 2))
    scale = GAMMA / np.sqrt(VARIANCE + EPSILON)
    inner = model.get_layer("inner") if kind == "nested" else model
    inner.get_layer("conv").set_weights([kernel * scale, BETA - MEAN * scale] if kind == "folded" else [kernel])
    model.get_layer("classes").set_weights([head])
    return model


def film():
    return np.random.default_rng(1).normal(0, 3, (1, 6, 6, 1)).astype("float32")


def main():
    tf.compat.v1.disable_eager_execution()
    import innvestigate

    found = {}
    for kind, methods in CASES.items():
        for method in methods:
            tf.keras.backend.clear_session()
            graph = tf.Graph()
            with graph.as_default(), tf.compat.v1.Session(graph=graph).as_default():
                model = build(kind)
                answer = found.setdefault(kind, {})
                answer["logit"] = float(model.predict(film())[0, 0])
                try:
                    analyzer = innvestigate.create_analyzer(method, model, neuron_selection_mode="index")
                    answer[method] = analyzer.analyze(film(), neuron_selection=0).ravel().tolist()
                except Exception as error:
                    answer[method] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
