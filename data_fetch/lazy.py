"""Packages whose modules are loaded when something of them is first used, so that importing a package stays quick.

Our own and not lazy_loader, because `python -m medxai submit` must work with the standard library alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from typing import Any


def attach(
    package: str, modules: Collection[str] = (), names: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        Its `__name__`.
    modules : collection of str
        Its modules that can be reached without importing them by name.
    names : mapping, str -> str
        Public names, and the module below the package that holds each.

    Returns
    -------
    (__getattr__, __dir__)
    """
    holders = dict(names or {})

    def load(name: str) -> Any:
        if name in holders:
            return getattr(importlib.import_module(f".{holders[name]}", package), name)
        if name in modules:
            return importlib.import_module(f".{name}", package)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def listed() -> list[str]:
        return sorted({*modules, *holders})

    return load, listed
