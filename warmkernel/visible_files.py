"""The files of this machine that the sandbox shows: the Python environment, and those in the kernelspec. All read-only."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import site
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import SettingsError
from .settings import Settings

ENTRY_POINT_GROUP, ENTRY_POINT = "jupyter_client.kernel_provisioners", "warmkernel-provisioner"
PACKAGES, HELPERS = "/run/warmkernel/packages", "/run/warmkernel/helpers"


@dataclass(frozen=True)
class VisibleFiles:
    """Files and folders of this machine, and their places in the sandbox.

    Attributes
    ----------
    shown : tuple of str
        Folders and files, each at its usual path.
    packages, helpers : tuple of (name, folder)
        Shown in PACKAGES and HELPERS; helpers only to programs next to the kernels.
    hidden : tuple of str
        Subfolders of those shown that are empty in the sandbox.
    covered : tuple of str
        Folders that are empty for kernels only.
    path : tuple of str
        Entries for PYTHONPATH.
    """

    shown: tuple[str, ...]
    packages: tuple[tuple[str, str], ...]
    helpers: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    covered: tuple[str, ...]
    path: tuple[str, ...]


def visible_files(settings: Settings) -> VisibleFiles:
    """The files shown by a kernelspec's settings.

    Raises
    ------
    SettingsError
        If they name something that does not exist.
    """
    shown = _environment() + [path for text in settings.show for path in _named(text)]
    shown = _without_nested([path for path in shown if not _below(path, ["/usr"])])
    hidden = dict(_packages_of_our_distribution())
    packages, helpers, covered = [], [], []
    for name in settings.packages:
        folder = _folder_of(name)
        if not _below(folder, [*shown, "/usr"]):
            packages.append((name, folder))
        hidden.pop(name, None)
    for name in settings.helpers:
        folder = _folder_of(name)
        if name in settings.packages:
            continue
        if not _below(folder, [*shown, "/usr"]):
            helpers.append((name, folder))
        elif hidden.pop(name, None):
            covered.append(folder)
    covered += [HELPERS] if helpers else []
    path = [PACKAGES] if packages else []
    if site.ENABLE_USER_SITE and os.path.isdir(site.getusersitepackages()):
        path.append(site.getusersitepackages())
    return VisibleFiles(
        tuple(shown), tuple(packages), tuple(helpers), tuple(sorted(hidden.values())), tuple(covered), tuple(path)
    )


def _environment() -> list[str]:
    prefixes = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    if site.ENABLE_USER_SITE:
        prefixes += [site.getusersitepackages()]
    # Environments are often reached through a link (say, one per minor version): both ends must be shown.
    paths = [path for prefix in prefixes for path in (os.path.abspath(prefix), os.path.realpath(prefix))]
    return [path for path in paths if os.path.isdir(path)]


def _named(text: str) -> list[str]:
    path = os.path.expanduser(os.path.expandvars(text))
    if "$" in path or not path:  # an unset variable names nothing
        return []
    if not os.path.isabs(path) or not os.path.exists(path):
        raise SettingsError(f"show: {text!r} of the kernelspec: the file or folder {path!r} does not exist.")
    return [os.path.normpath(path)]


def _folder_of(name: str) -> str:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(f"packages: {name!r} of the kernelspec: there is no such package in {sys.prefix}.")
    return os.path.abspath(next(iter(spec.submodule_search_locations)))


@cache
def _packages_of_our_distribution() -> dict[str, str]:
    """name -> folder of the packages of this distribution in site-packages. An editable install has none there."""
    found: dict[str, str] = {}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=ENTRY_POINT):
        for file in (entry.dist.files if entry.dist else None) or ():
            top = file.parts[0]
            folder = Path(str(file.locate())).parents[len(file.parts) - 2] if len(file.parts) > 1 else None
            if folder is not None and top.isidentifier() and folder.is_dir():
                found[top] = os.path.abspath(folder)
    return found


def _without_nested(paths: list[str]) -> list[str]:
    unique = sorted(set(paths))
    return [path for path in unique if not _below(path, [other for other in unique if other != path])]


def _below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
