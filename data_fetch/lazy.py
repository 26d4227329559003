"""Load the modules of a package on first use, so that importing the package stays fast.

This replaces lazy_loader, which is not typed and also loads stub files.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from typing import Any


def attach(
    package: str, modules: Collection[str] = (), names: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        Its `__name__`.
    modules : collection of str
        Submodules available as attributes without an explicit import.
    names : mapping, str -> str
        Public names, each with the submodule that defines it.

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
