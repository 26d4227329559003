"""The zygotes of this process, one for each kind of kernel: started or borrowed on request, and ended with the process."""

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

# Imported in every zygote; those with "?" if installed. This includes modules that IPython imports late, at the first
# cell, but not matplotlib's inline backend, which on import looks for its IPython instance.
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
    """The zygote for kernels of this kind, started if there is none, and the environment of its kernels.

    Parameters
    ----------
    settings : Settings
        Settings of the kernels.
    variables : dict
        Environment variables set by the kernelspec.
    keep : float
        Minutes that the zygote stays warm after this process. With 0 it ends with this process; otherwise it is borrowed
        from the keeper (warmkernel.keeper), if possible.

    Raises
    ------
    SandboxError
        If no sandbox can be created, with the step that failed.
    SettingsError
        If the settings name something that does not exist.
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
    """A folder for the sockets of this process's kernels, removed when the process ends, even by SIGKILL."""
    global _own_folder, _janitor
    if _own_folder is None:
        # Socket paths may have at most 107 characters.
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
