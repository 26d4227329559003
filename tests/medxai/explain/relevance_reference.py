"""A slow, obvious reference for the methods that send something back layer by layer, eager and rule by rule.

For a chain of Conv2D and Dense layers with ReLU (the last one without), GlobalAveragePooling2D in between.
"""

import tensorflow as tf

L = tf.keras.layers


def linear(layer, kernel, bias=None):
    """The layer without its activation, with another kernel."""

    def apply(x):
        dense = isinstance(layer, L.Dense)
        y = x @ kernel if dense else tf.nn.conv2d(x, kernel, layer.strides, layer.padding.upper())
        return y if bias is None else y + bias

    return apply


def sent_back(function, x, relevance):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, output_gradients=relevance)


def shared_out(parts, relevance, stabilised=lambda z: z):
    """The relevance of each output in proportion to what each input of each part (function, x) gave to it."""
    z = stabilised(sum(function(x) for function, x in parts))
    weighed = tf.math.divide_no_nan(relevance, z)
    return sum(x * sent_back(function, x, weighed) for function, x in parts)


def z(layer, x, r):
    bias = layer.bias if layer.use_bias else None
    return shared_out([(linear(layer, layer.kernel, bias), x)], r)


def epsilon(size):
    def rule(layer, x, r):
        bias = layer.bias if layer.use_bias else None
        return shared_out([(linear(layer, layer.kernel, bias), x)], r, lambda z: z + size * tf.where(z >= 0, 1.0, -1.0))

    return rule


def alpha_beta(alpha, beta):
    def rule(layer, x, r):
        up, down = linear(layer, tf.nn.relu(layer.kernel)), linear(layer, -tf.nn.relu(-layer.kernel))
        plus, minus = tf.nn.relu(x), -tf.nn.relu(-x)
        back = alpha * shared_out([(up, plus), (down, minus)], r)
        return back - beta * shared_out([(down, plus), (up, minus)], r) if beta else back

    return rule


def flat(layer, x, r):
    """In equal shares, whatever the input and the weights."""
    function = linear(layer, tf.ones_like(layer.kernel))
    return sent_back(function, x, r / function(tf.ones_like(x)))


def gradient(layer, x, r):
    return sent_back(layer, x, r)


def guided(layer, x, r):
    return sent_back(layer, x, tf.nn.relu(r) if layer.activation.__name__ == "relu" else r)


def deconvolved(layer, x, r):
    r = tf.nn.relu(r) if layer.activation.__name__ == "relu" else r
    return sent_back(linear(layer, layer.kernel), x, r)


def pooled_by_value(layer, x, r):
    return shared_out([(layer, x)], r)


# Method -> rules of the first layer, the other convolutions, the dense layers, the last layer, the pooling.
RULES = {
    "gradient": (gradient, gradient, gradient, gradient, gradient),
    "guided_backprop": (guided, guided, guided, guided, gradient),
    "deconvnet": (deconvolved, deconvolved, deconvolved, deconvolved, gradient),
    "deep_taylor": (alpha_beta(1, 0), alpha_beta(1, 0), alpha_beta(1, 0), alpha_beta(1, 0), gradient),
    "lrp.z": (z, z, z, z, pooled_by_value),
    "lrp.epsilon": (*[epsilon(1e-7)] * 4, pooled_by_value),
    "lrp.sequential_preset_a_flat": (flat, alpha_beta(1, 0), epsilon(0.1), epsilon(0.1), pooled_by_value),
    "lrp.sequential_preset_b_flat": (flat, alpha_beta(2, 1), epsilon(0.1), epsilon(0.1), pooled_by_value),
}


def relevance(name, model, images, targets):
    """The maps of `images`. All but the gradient start from the logit itself, not from 1."""
    first, convolution, dense, last, pooling = RULES[name]
    layers = [layer for layer in model.layers if not isinstance(layer, L.InputLayer)]
    inputs = [tf.constant(images)]
    for layer in layers:
        inputs.append(layer(inputs[-1]))
    logits = inputs.pop()
    chosen = tf.one_hot(targets, logits.shape[1])
    r = chosen if name == "gradient" else chosen * logits
    if name == "deep_taylor":
        r = tf.nn.relu(r)
    for layer, x in zip(reversed(layers), reversed(inputs), strict=True):
        if isinstance(layer, L.GlobalAveragePooling2D):
            rule = pooling
        elif layer is layers[0]:
            rule = first
        elif layer is layers[-1]:
            rule = last
        else:
            rule = dense if isinstance(layer, L.Dense) else convolution
        r = rule(layer, x, r)
    return r.numpy()
