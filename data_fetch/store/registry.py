"""The registry: what can be fetched, from where, under which licence (registry.toml), and the checkpoints of a class.

A class may have its own registry, a small TOML file written by `data-fetch pack-checkpoints`. It lists trained checkpoints
and nothing else. It is the file named by DATA_FETCH_REGISTRY, else CACHE/registry.toml, which `data-fetch use ADDRESS` writes:
one file in the shared cache of a hub serves all its users.
"""

from __future__ import annotations

import functools
import importlib.resources
import os
import pathlib
import tomllib
from typing import Any

from data_fetch.errors import DataFetchError, choose
from data_fetch.store import cache, registry_schema
from data_fetch.store.atomic import write_atomically
from data_fetch.transfer import transport

VARIABLE = "DATA_FETCH_REGISTRY"
CLASS_REGISTRY = "registry.toml"
_LONGEST = 1 << 20
_OFF = (
    f"ask its author for a corrected one; to continue without it unset {VARIABLE}, or delete the file if it is cached"
)


@functools.cache
def registry() -> dict[str, Any]:
    """The whole registry of the course, as read from registry.toml."""
    text = importlib.resources.files("data_fetch.store").joinpath("registry.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def data_set(name: str) -> dict[str, Any]:
    """The registry's entry of one data set: title, classes, and a table for each source.

    Raises
    ------
    DataFetchError
        If the name is unknown; the closest is suggested.
    """
    return registry()["datasets"][choose("data set", name, registry()["datasets"])]


def checkpoints(cache_dir: str | os.PathLike[str] | None = None) -> dict[str, dict[str, Any]]:
    """Every checkpoint known by name: those of the course, then those of the class's registry.

    Returns
    -------
    {name: entry}. An entry has ``title``, ``profile``, ``licence`` and, if it is available, ``weights`` with ``sha256``
    and ``bytes``; from a class's registry also ``card``, and both with ``urls``. One without ``weights`` has to be made
    with its ``command``.

    Raises
    ------
    DataFetchError
        If the class's registry is missing, cannot be read, violates :mod:`data_fetch.store.registry_schema`, or names a
        checkpoint whose weights come with the course: these are never replaced silently.
    """
    known = {name: dict(entry) for name, entry in registry()["checkpoints"].items()}
    path = class_registry(cache_dir)
    if path is None:
        return known
    try:
        content = path.read_bytes()
    except OSError as reason:
        raise DataFetchError(
            f"The registry of the class cannot be read ({reason.strerror or reason}).", where=path, next=_OFF
        ) from None
    return known | {name: known.get(name, {}) | entry for name, entry in _checked(content, path).items()}


def class_registry(cache_dir: str | os.PathLike[str] | None = None) -> pathlib.Path | None:
    """The registry file of the class: that of DATA_FETCH_REGISTRY, else registry.toml in the user's cache, else in a shared
    one, else None.

    Raises
    ------
    DataFetchError
        If DATA_FETCH_REGISTRY names a file that does not exist.
    """
    named = os.environ.get(VARIABLE, "").strip()
    if not named:
        paths = [folder / CLASS_REGISTRY for folder in (cache.cache_folder(cache_dir), *cache.shared_folders())]
        return next((path for path in paths if path.is_file()), None)
    path = pathlib.Path(named).expanduser().absolute()
    if not path.is_file():
        raise DataFetchError(
            "The registry of the class does not exist.",
            where=f"the environment variable {VARIABLE}",
            expected="the path of a file written by data-fetch pack-checkpoints",
            got=named,
            next=f"correct {VARIABLE}; or unset it, and run data-fetch use ADDRESS if the registry is on the web",
        )
    return path


def use(address: str, cache_dir: str | os.PathLike[str] | None = None) -> tuple[pathlib.Path, list[str]]:
    """Install a class's registry from a URL or a file; returns CACHE/registry.toml and the names of its checkpoints.

    Raises
    ------
    DataFetchError
        If it cannot be fetched, or as :func:`checkpoints`; an existing registry is then kept.
    """
    local = address if transport.is_url(address) else str(pathlib.Path(address).expanduser().absolute())
    content = transport.read_small(local, _LONGEST)
    transport.refuse_html(content[:4096], local, "a registry written by data-fetch pack-checkpoints")
    names = sorted(_checked(content, local))
    target = cache.cache_folder(cache_dir) / CLASS_REGISTRY
    try:
        write_atomically(target, content)
    except OSError as reason:
        raise DataFetchError(
            f"The cache cannot be written ({reason.strerror or reason}).",
            where=target.parent,
            next=f"set DATA_FETCH_DIR to a folder of your own, or store the file elsewhere and set {VARIABLE} to its path",
        ) from None
    return target, names


def _checked(content: bytes, where: object) -> dict[str, dict[str, Any]]:
    """The checkpoints of a class's registry, which is rejected as a whole if one entry is invalid."""
    if len(content) > _LONGEST:
        raise DataFetchError(
            "The file is too large for a registry.", where=where, got=f"{len(content):,} bytes", next=_OFF
        )
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as reason:
        raise DataFetchError(
            f"The registry of the class cannot be read ({reason or 'too deeply nested'}).",
            where=where,
            expected="a TOML file written by data-fetch pack-checkpoints",
            next=_OFF,
        ) from None
    try:
        found = registry_schema.check_class_registry(table, where)
    except DataFetchError as problem:
        raise DataFetchError(
            problem.what, where=problem.where, expected=problem.expected, got=problem.got, next=_OFF
        ) from None
    for name in found:
        if "weights" in registry()["checkpoints"].get(name, {}):
            raise DataFetchError(
                f"The registry of the class names the checkpoint {name!r}, which comes with the course.",
                where=where,
                expected="another name: the course's checkpoints are never replaced",
                got=f"checkpoints.{name}",
                next="train it under another name, python -m medxai.train TASK --name NAME, and pack it again",
            )
    return found
