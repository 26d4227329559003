"""Check whether the sandbox's user, who owns no file on this machine, can read the files that the sandbox shows.

This is checked in advance: to Python an unreadable package does not exist, and a student would lose marks for it. The usual
cause is a umask of 077, as on hardened servers.
"""

from __future__ import annotations

import os
import shlex
import stat
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from .errors import SandboxError
from .visible_files import VisibleFiles

ALL = 1000
_INSIDE = str(Path(__file__).resolve().parent / "inside")
_LIBRARY = f"lib/python{sysconfig.get_python_version()}"
# Locked, partial or hidden files are not meant to be read; Python does without bytecode that it cannot read.
_NOBODYS = (".lock", ".part", "lost+found", "__pycache__")


def check(files: VisibleFiles, user: int | None, depth: int = 3) -> None:
    """SandboxError, with the command that fixes it, if `user` cannot read the shown files; None means the current user.

    `depth` limits how deep folders are checked; an environment has too many files to check at every start.
    """
    if user is None:
        return
    packages = [folder for _, folder in (*files.packages, *files.helpers)]
    for folder in (*files.shown, *packages, _INSIDE):
        library = os.path.join(folder, _LIBRARY)
        looked_at = [(folder, depth)]
        if os.path.isdir(library):
            looked_at = [(folder, 0), (os.path.dirname(library), 0), (library, depth)]
        for path, levels in looked_at:
            for found in unreadable(path, levels):
                raise SandboxError(
                    "files",
                    f"only its owner can read {found}, and code in the sandbox runs as user {user}, who owns no files here",
                    f"chmod -R go+rX {shlex.quote(folder)} (and, if the umask is 077, run `umask 022` before installing)",
                )


def unreadable(path: str, depth: int = ALL) -> Iterator[str]:
    """Files and folders in `path`, up to `depth` levels down, that are not readable for everybody."""
    mode = os.stat(path).st_mode
    if not stat.S_ISDIR(mode):
        if not mode & stat.S_IROTH:
            yield path
    elif mode & 0o005 != 0o005:
        yield path
    elif depth > 0:
        with os.scandir(path) as entries:
            for entry in entries:
                private = entry.name.startswith(".") or entry.name.endswith(_NOBODYS)
                if not private and (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
                    yield from unreadable(entry.path, depth - 1)
