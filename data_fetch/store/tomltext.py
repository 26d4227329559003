"""Write small TOML files (cards, manifests). Python reads TOML but does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML string, except that TOML wants DEL escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if hasattr(value, "item"):  # a NumPy number
        return _value(value.item())
    raise TypeError(f"TOML cannot hold {type(value).__name__} ({value!r}).")


def dumps(table: Mapping[str, Any], prefix: str = "") -> str:
    """The TOML text of nested mappings of strings, numbers, booleans and flat lists. None entries are left out."""
    lines = [
        f"{_key(key)} = {_value(value)}"
        for key, value in table.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    text = "\n".join(lines) + "\n" if lines else ""
    for key, value in table.items():
        if isinstance(value, Mapping):
            name = prefix + _key(key)
            text += ("\n" if text or prefix else "") + f"[{name}]\n" + dumps(value, name + ".")
    return text
