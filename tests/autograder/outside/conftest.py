"""Kernels for the tests of checks outside: forked from one plain process that has imported what several tests need."""

import pytest
from plain_kernel import Nursery


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
