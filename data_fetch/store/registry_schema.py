"""The schema of a registry: every key of every kind of entry, and errors that name the entry and the key.

The course's own registry (registry.toml) is checked against it by the tests; the registry of a class, which comes from
elsewhere, whenever it is read.

(A JSON Schema could state the types and patterns. File names, URLs, misspelt keys and readable errors would still need
functions; and every command would wait up to a second for the import of `jsonschema`.)
"""

from __future__ import annotations

import difflib
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from data_fetch.errors import DataFetchError

LARGEST = 1 << 40  # bytes of one file
# Names reserved by Windows, whatever the extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Key:
    """One key of an entry. expected : a description of valid values. good : whether a value is valid."""

    expected: str
    good: Callable[[Any], bool]
    required: bool = True


def optional(key: Key) -> Key:
    """The same key, but optional."""
    return Key(key.expected, key.good, required=False)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def is_name(value: Any) -> bool:
    """Whether this is a valid checkpoint name on every operating system."""
    plain = isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", value))
    return plain and not _DEVICE.fullmatch(value)


def _is_file_name(value: Any) -> bool:
    plain = isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", value))
    return plain and not value.endswith(".") and not _DEVICE.fullmatch(value)


def is_address(value: Any) -> bool:
    """Whether a value is an http or https URL with a host, as allowed in a registry."""
    if not isinstance(value, str) or not value.isprintable() or re.search(r'[\s"<>\\]', value):
        return False
    try:
        parts = urllib.parse.urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_digest(digits: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(rf"[0-9a-f]{{{digits}}}", value))


def _are_addresses(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_address, value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


TEXT = Key("text on one line, not empty", _is_text)
ADDRESSES = Key("a list of URLs, http:// or https://, not empty", _are_addresses)
SHA256 = Key("64 hexadecimal digits, in lower case", _is_digest(64))
MD5 = Key("32 hexadecimal digits, in lower case", _is_digest(32))
BYTES = Key(f"a whole number of bytes from 1 to {LARGEST:,}", _is_count)
FILE_NAME = Key("a plain file name of letters, digits, '.', '_' and '-', without a folder", _is_file_name)
PROFILE = Key("cpu or gpu", lambda value: isinstance(value, str) and value in ("cpu", "gpu"))

PART = {"urls": ADDRESSES, "sha256": SHA256, "bytes": BYTES}
# A part that comes with the course has no URL.
SHIPPED_PART = {"sha256": SHA256, "bytes": BYTES}
CHECKPOINT = {"title": TEXT, "profile": PROFILE, "licence": TEXT, "citation": optional(TEXT), "command": optional(TEXT)}
FILE = {
    "title": TEXT,
    "filename": FILE_NAME,
    "urls": ADDRESSES,
    "sha256": optional(SHA256),
    "md5": optional(MD5),
    "bytes": optional(BYTES),
    "licence": TEXT,
    "citation": optional(TEXT),
}


def check_class_registry(table: Mapping[str, Any], where: object) -> dict[str, dict[str, Any]]:
    """The checkpoints in the registry of a class, each with weights and card to download, as {name: entry}.

    Raises
    ------
    DataFetchError
        For the first missing, unknown or invalid item: names the entry and the key.
    """
    _known_keys(table, ("checkpoints",), "the registry", where)
    checkpoints = _table(table.get("checkpoints"), "checkpoints", where)
    for name, entry in checkpoints.items():
        _check_name(name, "checkpoints", where)
        at = f"checkpoints.{name}"
        _check_entry(entry, CHECKPOINT, at, where, further=("weights", "card"))
        for part in ("weights", "card"):
            _check_entry(entry.get(part), PART, f"{at}.{part}", where)
    return {name: dict(entry) for name, entry in checkpoints.items()}


def check_files(table: Mapping[str, Any], where: object) -> None:
    """Check the section [files]: single files. Raises as `check_class_registry`."""
    taken: dict[str, str] = {}
    for name, entry in _table(table, "files", where).items():
        _check_name(name, "files", where)
        _check_entry(entry, FILE, f"files.{name}", where)
        other = taken.setdefault(entry["filename"].lower(), name)
        if other != name:
            _refuse(
                "filename", f"files.{name}", where, f"a file name that files.{other} does not have", entry["filename"]
            )


def check_shipped_checkpoints(table: Mapping[str, Any], where: object) -> None:
    """Check the course's section [checkpoints]: weights that come with it, or none, to be made or supplied by a class."""
    for name, entry in _table(table, "checkpoints", where).items():
        _check_name(name, "checkpoints", where)
        _check_entry(entry, CHECKPOINT | {"command": TEXT}, f"checkpoints.{name}", where, further=("weights",))
        if "weights" in entry:
            _check_entry(entry["weights"], SHIPPED_PART, f"checkpoints.{name}.weights", where)


def _check_name(name: str, section: str, where: object) -> None:
    if not is_name(name):
        raise DataFetchError(
            f"The registry's section {section} has an entry with an invalid name.",
            where=where,
            expected="letters, digits, '_' and '-', at most 64 of them, the first a letter or a digit",
            got=_short(name),
        )


def _check_entry(entry: Any, keys: Mapping[str, Key], at: str, where: object, further: tuple[str, ...] = ()) -> None:
    _known_keys(_table(entry, at, where), (*keys, *further), at, where)
    for key, rule in keys.items():
        if key not in entry:
            if rule.required:
                _refuse(key, at, where, rule.expected, "nothing", "is missing")
        elif not rule.good(entry[key]):
            _refuse(key, at, where, rule.expected, _short(entry[key]))


def _known_keys(table: Mapping[str, Any], known: tuple[str, ...], at: str, where: object) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(str(key).lower(), known, n=1, cutoff=0.6)
            raise DataFetchError(
                f"The registry's entry {at} has an unknown key {_short(key)}."
                + (f" Did you mean {near[0]!r}?" if near else ""),
                where=where,
                expected="one of " + ", ".join(known),
                got=_short(key),
            )


def _table(value: Any, at: str, where: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise DataFetchError(
            f"The registry's entry {at} is " + ("missing." if value is None else "not a table with entries."),
            where=where,
            expected=f"[{at}...]",
            got="nothing" if value is None else _short(value),
        )
    return value


def _refuse(key: str, at: str, where: object, expected: str, got: str, wrong: str = "is invalid") -> None:
    raise DataFetchError(
        f"The registry's entry {at}: the key {key!r} {wrong}.", where=where, expected=expected, got=got
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 90 else text[:87] + "..."
