"""The two sizes of the course. This is the only place that reads MEDXAI_PROFILE."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from data_fetch.errors import choose


@dataclass(frozen=True)
class Profile:
    """The size at which the course runs: one code path, two sizes.

    Attributes
    ----------
    name : "cpu" or "gpu"
    source : str
        Default source of the films: "phantom" or a real set such as "nih".
    sizes : mapping of data set -> int
        Height and width of its films in pixels.
    width_divisor : int
        Networks have the paper's channel counts divided by this.
    batch_size, class_epochs : int
        Films per training step, and epochs of the short training runs shown in class.
    """

    name: str
    source: str
    sizes: Mapping[str, int]
    width_divisor: int
    batch_size: int
    class_epochs: int


PROFILES = {
    "cpu": Profile("cpu", "phantom", MappingProxyType({"cardiomegaly": 256, "pneumothorax": 128}), 8, 16, 3),
    "gpu": Profile("gpu", "nih", MappingProxyType({"cardiomegaly": 512, "pneumothorax": 256}), 1, 8, 10),
}


def profile() -> Profile:
    """The profile named by the environment variable MEDXAI_PROFILE ("cpu" if it is not set).

    Raises
    ------
    DataFetchError
        If the variable is set to anything but "cpu" or "gpu".
    """
    name = os.environ.get("MEDXAI_PROFILE", "").strip() or "cpu"
    return PROFILES[choose("profile", name, PROFILES, where="the environment variable MEDXAI_PROFILE")]
