"""What the process of iNNvestigate takes from Keras although it is private is there, and does what it is taken for."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.kernel

PROGRAM = """
import sys
import numpy as np
import tensorflow as tf

tf.compat.v1.disable_eager_execution()
from keras.src.engine import base_layer_utils

assert base_layer_utils._UNSAFE_GRAPH_OP_LAYER_CREATION is False
base_layer_utils._UNSAFE_GRAPH_OP_LAYER_CREATION = sys.argv[1] == "True"
film = tf.keras.Input((1,), name="film")
weight = tf.keras.backend.variable(2.0)
model = tf.keras.Model(film, film * weight)
again = tf.keras.Input((1,), name="again")
model = tf.keras.Model(again, model(again))  # as iNNvestigate does, a model is called within another
tf.keras.backend.set_value(weight, 5.0)
print(float(model.predict_on_batch(np.ones((1, 1), "float32"))[0, 0]))
"""


def output(tensors: bool) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tensors)], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_the_private_switch_of_keras_lets_new_weights_reach_an_analyzer_that_is_built():
    assert output(tensors=False) == "2.0", "Keras no longer freezes what it makes constants of: the switch can go"
    assert output(tensors=True) == "5.0"
