"""Whether the sandbox's user, whom no file of this machine belongs to, can read what the sandbox shows.

It has to be looked at beforehand: a package that cannot be read is for Python one that is not there, and a mark lost for that
is nobody's mistake. The usual cause is an umask of 077, as on hardened servers.
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
# What is locked, half-written or hidden was not made to be read.
_NOBODYS = (".lock", ".part", "lost+found", "__pycache__")  # Python does without bytecode that it cannot read


def check(files: VisibleFiles, user: int | None, depth: int = 3) -> None:
    """SandboxError, with the command that mends it, where `user` cannot read what is shown; None, who stays who we are, can.

    `depth` is how far to look into folders; the files of an environment are too many for every start.
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
                    f"{found} can be read by its owner only, and code in the sandbox runs as user {user}, who owns nothing here",
                    f"chmod -R go+rX {shlex.quote(folder)} (and, where the umask is 077, type `umask 022` before you install)",
                )


def unreadable(path: str, depth: int = ALL) -> Iterator[str]:
    """Files and folders, from `path` down so many levels, that not everybody may read."""
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
