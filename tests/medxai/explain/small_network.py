"""A network small enough that building its analyzers is what takes time, and the gradient as an obvious reference."""

import numpy as np
import tensorflow as tf

L = tf.keras.layers
SHAPE = (10, 8, 2)


def network(bias=True, activation="softmax", seed=3, **convolution):
    tf.keras.utils.set_random_seed(seed)
    start = {"bias_initializer": "random_normal"} if bias else {"use_bias": False}
    film = L.Input(SHAPE, name="film")
    x = L.Conv2D(4, 3, activation="relu", padding="same", name="conv1", **start, **convolution)(film)
    x = L.MaxPooling2D(name="pool")(x)
    x = L.Conv2D(5, 3, activation="relu", name="conv2", **start)(x)
    x = L.Dense(6, activation="relu", name="hidden", **start)(L.Flatten(name="flatten")(x))
    return tf.keras.Model(film, L.Dense(3, activation=activation, name="classes", **start)(x), name="small")


def logits_of(model):
    logits = network(model.layers[1].use_bias, "linear")
    logits.set_weights(model.get_weights())
    return logits


def gradient(model, images, targets):
    """The slow, obvious reference, eager in this process."""
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        chosen = tf.gather(logits_of(model)(x), targets, batch_dims=1)
    return tape.gradient(chosen, x).numpy()


def balanced(films):
    """The network with logits around zero, so that different classes win."""
    model = network()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias - logits_of(model).predict(films, verbose=0).mean(axis=0)])
    return model


def some_films():
    return np.random.default_rng(0).normal(0, 1, (5, *SHAPE)).astype(np.float32)


TARGETS = np.array([2, 0, 1, 1, 0])  # of these films
