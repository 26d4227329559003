"""The registry: what can be fetched, from where, under which terms (registry.toml)."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from typing import Any

from data_fetch.errors import choose


@functools.cache
def registry() -> dict[str, Any]:
    """The whole registry, as read from registry.toml."""
    text = importlib.resources.files("data_fetch").joinpath("registry.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def data_set(name: str) -> dict[str, Any]:
    """The registry's entry of one data set: title, classes, and a table for each source.

    Raises
    ------
    DataFetchError
        If there is none of this name; the nearest is suggested.
    """
    return registry()["datasets"][choose("data set", name, registry()["datasets"])]
