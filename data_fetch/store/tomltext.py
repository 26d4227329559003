"""The text of small TOML files (cards, manifests), by tomli-w."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tomli_w


def dumps(table: Mapping[str, Any]) -> str:
    """The TOML text of nested mappings of strings, numbers (NumPy's too), booleans and lists.

    Entries that are None are left out, as TOML has nothing that says so.

    Raises
    ------
    TypeError
        For anything else.
    """
    return tomli_w.dumps(_plain(table))


def _plain(value: Any) -> Any:
    """What tomli-w takes: it knows neither None nor NumPy's numbers."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
