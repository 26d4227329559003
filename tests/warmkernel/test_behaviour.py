"""Notebooks behave in a warm kernel as in an ordinary one."""

from __future__ import annotations

import pytest
from warm_client import USERS


@pytest.mark.parametrize("user", USERS)
def test_a_network_is_trained(warm_kernel, user):
    kernel = warm_kernel(user)
    code = """
import numpy as np, tensorflow as tf
x = np.linspace(-1, 1, 256, dtype=np.float32)[:, None]
net = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,))])
net.compile("sgd", "mse")
net.fit(x, 3 * x, epochs=100, verbose=0)
print(round(float(net.get_weights()[0][0, 0]), 1))
"""
    assert kernel.value(code) == "3.0"
