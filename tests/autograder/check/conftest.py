"""Kernels for the tests of checks outside: forked from one plain process that has imported what several tests need."""

import pathlib
import sys

import pytest
from plain_kernel import Nursery

# How a test becomes another user is known there.
sys.path.append(str(pathlib.Path(__file__).parents[2] / "warmkernel"))


@pytest.fixture(scope="session")
def nursery():
    made = Nursery("numpy", "pandas")
    yield made
    made.close()


@pytest.fixture(scope="session")
def keras_nursery():
    made = Nursery(
        "keras",
        "medxai",
        "matplotlib.pyplot",
        "data_fetch",
        "sklearn.model_selection",
        "sklearn.metrics",
        "scipy.optimize",
    )
    yield made
    made.close()
