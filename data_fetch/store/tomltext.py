"""Serialize small TOML files (cards, manifests) with tomli-w."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tomli_w


def dumps(table: Mapping[str, Any]) -> str:
    """The TOML text of nested mappings of strings, numbers (NumPy's too), booleans and lists.

    Entries that are None are omitted, as TOML has no null value.

    Raises
    ------
    TypeError
        For anything else.
    """
    return tomli_w.dumps(_plain(table))


def _plain(value: Any) -> Any:
    """Convert to types that tomli-w accepts: it supports neither None nor NumPy's numbers."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
