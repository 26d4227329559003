"""Keeps zygotes warm between commands: one process per user, which ends after a period without requests.

A command borrows a zygote: it gets a copy of the socket for requesting kernels. The kernels belong to the command and end
with it; the zygote stays for the next command, with nothing in it but imports. A zygote is not lent again if files it
imported have changed, or if something was installed in its environment.

    command --(what kind of zygote)--> keeper --(its socket)--> command --(requests for kernels)--> zygote

The keeper listens in a folder that only its user can enter; nothing in a sandbox sees it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import select
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .errors import SandboxError
from .visible_files import VisibleFiles
from .zygote_client import BorrowedZygote, OwnZygote

SWITCH = "WARMKERNEL_KEEP"  # environment variable: "0" keeps nothing warm, whatever is requested
_MOST = 2  # zygotes; each has some 500 MiB
_LARGEST = 1 << 18
_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 240.0


def borrow(
    files: VisibleFiles, environment: dict[str, str], preload: tuple[str, ...], minutes: float
) -> BorrowedZygote | None:
    """Borrow a zygote from the keeper; None if there is no keeper.

    Parameters
    ----------
    files, environment, preload
        The kind of zygote; see `OwnZygote`.
    minutes : float
        How long it stays warm after its last borrower; with 0 none is borrowed.

    Raises
    ------
    SandboxError
        If the keeper cannot create a sandbox.
    """
    if minutes <= 0 or os.environ.get(SWITCH) == "0":
        return None
    try:
        line = _connection()
        line.settimeout(_ANSWER_SECONDS)
        wanted = {
            "files": asdict(files),
            "environment": environment,
            "preload": preload,
            "stamp": _stamp(files),
            "minutes": minutes,
        }
        line.send(json.dumps(wanted).encode())
        data, descriptors, _, _ = socket.recv_fds(line, _LARGEST, 1)
        answer = json.loads(data or b"{}")
    except (OSError, ValueError):
        return None  # no folder for its socket, or the keeper has ended: the command starts its own zygote
    if "failed" in answer:
        line.close()
        raise SandboxError(answer["failed"], answer["said"], answer["advice"])
    if not descriptors:
        line.close()
        return None
    return BorrowedZygote(socket.socket(fileno=descriptors[0]), line)


def stop() -> bool:
    """Stop this user's keeper, and its zygotes as soon as they are unused. False if there is no keeper."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(str(_place()))
            line.send(b"{}")
    except OSError:
        return False
    return True


def _place() -> Path:
    """Path of the socket, in a folder that only this user can enter. OSError if there can be none."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base if len(base) < 60 else "/tmp") / f"warmkernel-of-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is accessible to other users")
    # Another Python, or another version of this package, has its own keeper. (Not sys.executable: one environment's Python has
    # several names.)
    own = hashlib.sha256(repr((sys.prefix, sys.version, _sources(str(Path(__file__).parent)))).encode())
    return folder / own.hexdigest()[:16]


def _connection() -> socket.socket:
    """A connection to the keeper, which is started if it is not running."""
    place = _place()
    deadline, started = time.monotonic() + _CONNECT_SECONDS, False
    while True:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            line.connect(str(place))
            _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if user != os.geteuid():
                raise PermissionError(f"{place} belongs to another user")
            return line
        except (FileNotFoundError, ConnectionRefusedError):
            line.close()
            if time.monotonic() > deadline:
                raise
        except BaseException:
            line.close()
            raise
        if not started:
            started = True
            path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
            subprocess.Popen(
                [sys.executable, "-P", "-m", "warmkernel.keeper", str(place)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)},
                start_new_session=True,
            )
        time.sleep(0.02)


def _stamp(files: VisibleFiles) -> str:
    """A hash that changes with anything a zygote that sees these files may have imported or mounted."""
    packages = [_sources(folder) for _, folder in (*files.packages, *files.helpers)]
    mounted = [_identity(path) for path in files.shown]
    # Installing or removing a package changes the folder of all packages.
    installed = [(entry, os.stat(entry).st_mtime_ns) for entry in sys.path if entry.endswith("-packages")]
    return hashlib.sha256(repr((packages, mounted, installed)).encode()).hexdigest()


def _sources(folder: str) -> list[tuple[str, int, int]]:
    found = sorted(Path(folder).rglob("*.py"))
    return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in found]


def _identity(path: str) -> tuple[str, int, int]:
    # A recreated folder is not the one that is mounted in the sandbox.
    found = os.stat(path)
    return path, found.st_dev, found.st_ino


class Keeper:
    """The keeper process.

    Parameters
    ----------
    listener : socket.socket
        Receives the requests of commands.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.lines: dict[int, socket.socket] = {}
        self.kept: dict[str, tuple[str, OwnZygote]] = {}  # in order of last use
        self.let_go: list[OwnZygote] = []
        self.idle_seconds = 60.0

    def serve(self) -> None:
        """Lend zygotes until no connection is open and no request has come for the time given by the last borrower."""
        ends = time.monotonic() + self.idle_seconds
        while self.lines or time.monotonic() < ends:
            poller = select.poll()
            for sock in (self.listener, *self.lines.values()):
                poller.register(sock, select.POLLIN)
            for number, _ in poller.poll(1000):
                if number == self.listener.fileno():
                    line, _ = self.listener.accept()
                    self.lines[line.fileno()] = line
                elif not self._answer(self.lines[number]):
                    self.lines.pop(number).close()
                ends = time.monotonic() + self.idle_seconds
            self.let_go = [zygote for zygote in self.let_go if not zygote.reaped]

    def _answer(self, line: socket.socket) -> bool:
        """Answer a request; whether the connection stays open."""
        try:
            wanted = json.loads(line.recv(_LARGEST) or b"null")
            if wanted is None:
                return False
            if not wanted:
                raise SystemExit
            self.idle_seconds = 60 * float(wanted["minutes"])
            answer: dict[str, Any]
            answer, descriptors = {"ready": True}, [self._zygote(wanted).orders.fileno()]
        except SandboxError as error:
            answer, descriptors = {"failed": error.step, "said": error.said, "advice": error.advice}, []
        except (OSError, ValueError, KeyError, TypeError):
            return False
        with contextlib.suppress(OSError):  # the command is gone
            socket.send_fds(line, [json.dumps(answer).encode()], descriptors)
        return True

    def _zygote(self, wanted: dict[str, Any]) -> OwnZygote:
        key = json.dumps([wanted["files"], wanted["environment"], wanted["preload"]])
        stamp, found = self.kept.pop(key, ("", None))
        if found is not None and not (stamp == wanted["stamp"] and found.alive):
            self._let_go(found)
            found = None
        while found is None and len(self.kept) >= _MOST:
            self._let_go(self.kept.pop(next(iter(self.kept)))[1])
        if found is None:
            files = VisibleFiles(**{name: _tuples(value) for name, value in wanted["files"].items()})
            found = OwnZygote(files, wanted["environment"], tuple(wanted["preload"]))
        self.kept[key] = wanted["stamp"], found
        return found

    def _let_go(self, zygote: OwnZygote) -> None:
        """Release a zygote: it ends with its last borrower, possibly right now."""
        zygote.orders.close()
        self.let_go.append(zygote)


def _tuples(value: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)


@contextlib.contextmanager
def _listening(place: str) -> Iterator[socket.socket | None]:
    """The socket of the keeper; None if another keeper is already listening."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        open(f"{place}.lock", "w", encoding="utf-8") as lock,
    ):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        Path(place).unlink(missing_ok=True)
        listener.bind(place)
        listener.listen(16)
        try:
            yield listener
        finally:
            Path(place).unlink(missing_ok=True)


def main() -> None:
    """`python -m warmkernel.keeper SOCKET`."""
    with _listening(sys.argv[1]) as listener:
        if listener is not None:
            Keeper(listener).serve()
    os._exit(0)  # zygotes end by themselves, with their last borrower


if __name__ == "__main__":
    main()
