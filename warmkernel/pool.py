"""The zygotes of this process, one for each kind of kernel: started or borrowed when they are asked for, ended at its end."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
import threading

from . import keeper, sandbox
from .settings import Settings
from .visible_files import VisibleFiles, visible_files
from .zygote_client import OwnZygote, Zygote

# Imported in every zygote. With "?" if it is there. What IPython imports late, at the first cell, is here too; not the
# inline backend of matplotlib, which on import looks for the IPython that it belongs to.
PRELOAD = (
    "numpy?", "pandas?", "tensorflow?", "keras?", "sklearn?", "scipy.ndimage?", "matplotlib.pyplot?", "ipywidgets?",
    "ipykernel.kernelapp", "ipykernel.ipkernel", "jedi?", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.core.completerlib", "IPython.core.logger", "IPython.extensions.storemagic", "tornado.platform.asyncio",
    "tornado.locks", "tornado.queues", "sqlite3",
)  # fmt: skip

_Kind = tuple[VisibleFiles, tuple[tuple[str, str], ...], tuple[str, ...]]
_zygotes: dict[_Kind, Zygote] = {}
_starting = threading.Lock()
_own_folder: str | None = None
_janitor: subprocess.Popen[bytes] | None = None


def get(settings: Settings, variables: dict[str, str], keep: float = 0.0) -> tuple[Zygote, dict[str, str]]:
    """The zygote for kernels of this kind, started when there is none, and the environment of its kernels.

    Parameters
    ----------
    settings : Settings
        Of the kernels.
    variables : dict
        Environment variables that the kernelspec sets.
    keep : float
        Minutes that the zygote stays warm after this process. With 0 it ends with this process; else it is borrowed from the
        keeper (warmkernel.keeper), where there can be one.

    Raises
    ------
    SandboxError
        If there can be no sandbox, with the step that failed.
    SettingsError
        If the settings name what is not there.
    """
    files = visible_files(settings)
    environment = sandbox.environment(files, variables)
    off = {name[1:] for name in settings.preload if name.startswith("-")}
    preload = (
        *(name for name in PRELOAD if name.removesuffix("?") not in off),
        *(name for name in settings.preload if not name.startswith("-")),
    )
    kind = (files, tuple(sorted(environment.items())), preload)
    with _starting:
        found = _zygotes.get(kind)
        if found is not None and not found.alive:
            found.close()
            found = None
        if found is None:
            found = keeper.borrow(files, environment, preload, keep) or OwnZygote(files, environment, preload)
            found.folder = _folder()
            _zygotes[kind] = found
        return found, environment


def close_all() -> None:
    """End all zygotes of this process, and their kernels."""
    global _own_folder, _janitor
    for zygote in _zygotes.values():
        zygote.close()
    _zygotes.clear()
    if _janitor is not None:
        assert _janitor.stdin is not None
        _janitor.stdin.close()
        _janitor.wait()
    _own_folder = _janitor = None


def _folder() -> str:
    """A folder of this process for the sockets of its kernels, removed when it ends, by SIGKILL too."""
    global _own_folder, _janitor
    if _own_folder is None:
        # Paths of sockets may not be longer than 107 characters.
        root = tempfile.gettempdir()
        _own_folder = tempfile.mkdtemp(prefix="warmkernel-", dir=root if len(root) < 50 else "/tmp")
        clean = 'read -r nothing; exec rm -rf -- "$1"'
        _janitor = subprocess.Popen(
            ["/bin/sh", "-c", clean, "warmkernel-janitor", _own_folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    return _own_folder


def _after_fork() -> None:
    global _own_folder, _janitor, _starting
    _starting = threading.Lock()
    for zygote in _zygotes.values():
        zygote.leave_to_parent()
    _zygotes.clear()
    if _janitor is not None and _janitor.stdin is not None:
        _janitor.stdin.close()
        _janitor.returncode = 0
    _own_folder = _janitor = None


atexit.register(close_all)
os.register_at_fork(after_in_child=_after_fork)
