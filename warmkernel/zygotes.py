"""Starts the zygotes of this process, one for each kind of kernel, and asks them for kernels."""

from __future__ import annotations

import atexit
import json
import os
import resource
import select
import socket
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import advice, readable, sandbox
from .errors import SandboxError
from .settings import Settings
from .tree import Tree, plan

# Imported in every zygote. With "?" if it is there. What IPython imports late, at the first cell, is here too; not the
# inline backend of matplotlib, which on import looks for the IPython that it belongs to.
PRELOAD = (
    "numpy?", "pandas?", "tensorflow?", "keras?", "sklearn?", "scipy.ndimage?", "matplotlib.pyplot?", "ipywidgets?",
    "ipykernel.kernelapp", "ipykernel.ipkernel", "jedi?", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.core.completerlib", "IPython.core.logger", "IPython.extensions.storemagic", "tornado.platform.asyncio",
    "tornado.locks", "tornado.queues", "sqlite3",
)  # fmt: skip
_IMPORT_SECONDS, _START_SECONDS = 180, 60


class Zygote:
    """One warm process in its sandbox. Everything in there ends when this process does, or calls `close`.

    `folder` is where the sockets of this process's kernels are; a keeper has no kernels.
    """

    folder = ""

    def __init__(self, tree: Tree, variables: dict[str, str], preload: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._tree = tree
        readable.check(tree, sandbox.user())
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        program = ["-m", "_warmkernel.zygote", str(theirs.fileno())]
        try:
            with sandbox.etc_files() as files:
                self._process = subprocess.Popen(
                    sandbox.command(tree, variables, files, program),
                    stdin=subprocess.DEVNULL,
                    stdout=self._messages,
                    stderr=self._messages,
                    pass_fds=(theirs.fileno(), *files.values()),
                    start_new_session=True,
                )
        except OSError as error:
            self.orders.close()
            self._messages.close()
            raise SandboxError("bubblewrap", str(error), advice.of("bubblewrap", str(error))) from error
        finally:
            theirs.close()
        self.seconds = self._wait_until_ready(sandbox.configuration(tree, preload))

    @property
    def alive(self) -> bool:
        if self._process.poll() is not None:
            return False
        # When the zygote is killed, bubblewrap outlives it for a moment.
        return self._listens

    @property
    def _listens(self) -> bool:
        poller = select.poll()
        poller.register(self.orders, 0)
        return not poller.poll(0)

    @property
    def reaped(self) -> bool:
        """Whether its process has ended and nothing is left to wait for."""
        return self._process.poll() is not None

    def _wait_until_ready(self, configuration: dict[str, Any]) -> float:
        self.orders.settimeout(_IMPORT_SECONDS)
        try:
            self.orders.send(json.dumps(configuration).encode())
            reply = json.loads(self.orders.recv(1 << 16) or b"{}")
        except TimeoutError:
            reply = {"failed": "imports", "said": f"not done after {_IMPORT_SECONDS} s"}
        except OSError:  # bubblewrap ended; its messages say why
            reply = {}
        self.orders.settimeout(None)
        if "ready" in reply:
            return reply["ready"]
        self._end()
        self._messages.seek(0)
        messages = self._messages.read().decode(errors="replace").strip()
        self._messages.close()
        step, said = reply.get("failed", "bubblewrap"), reply.get("said", messages[-2000:] or "nothing")
        readable.check(self._tree, sandbox.user(), readable.ALL)
        raise SandboxError(step, said, advice.of(step, said))

    def start(self, request: dict[str, Any], descriptors: list[int]) -> tuple[socket.socket, int]:
        """A kernel or a program: (socket to process 1, its pidfd). SandboxError says which wall could not be built."""
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        handle = None
        try:
            with self._lock, _room_for_descriptors():
                socket.send_fds(self.orders, [json.dumps(request).encode()], [theirs.fileno(), *descriptors])
            theirs.close()
            control.settimeout(_START_SECONDS)
            data, handles, _, _ = socket.recv_fds(control, 1 << 16, 1)
            handle = handles[0] if handles else None
            reply = json.loads(data or b"{}")
            if handle is not None:
                reply = json.loads(control.recv(1 << 16) or b"{}")
        except OSError as error:
            reply = {"failed": "start", "said": str(error) or type(error).__name__}
        finally:
            theirs.close()
        if handle is None or "started" not in reply:
            control.close()
            if handle is not None:
                os.close(handle)
            step, said = reply.get("failed", "start"), reply.get("said", "the process ended without a word")
            raise SandboxError(step, said, advice.of(step, said))
        control.setblocking(False)
        _controls.add(control)
        return control, handle

    def close(self) -> None:
        """End it, and every kernel with it."""
        self._end()
        self._messages.close()

    def _end(self) -> None:
        self.orders.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def leave_to_parent(self) -> None:
        """In a forked copy of this process, which would otherwise keep kernels alive."""
        self.orders.close()
        self._process.returncode = 0


class Borrowed(Zygote):
    """A zygote that a keeper started and others may use too: `orders` is a copy of the keeper's, `line` says that we use it."""

    def __init__(self, orders: socket.socket, line: socket.socket) -> None:
        self._lock = threading.Lock()
        self.orders, self._line = orders, line

    @property
    def alive(self) -> bool:
        return self._listens

    def close(self) -> None:
        """Give it back."""
        self.orders.close()
        self._line.close()

    leave_to_parent = close


@contextmanager
def _room_for_descriptors() -> Iterator[None]:
    """Linux counts the descriptors in flight for each user: a kernel with many of them must not keep us from sending."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_zygotes: dict[tuple[Any, ...], Zygote] = {}
_starting = threading.Lock()
_controls: weakref.WeakSet[socket.socket] = weakref.WeakSet()
_own_folder: str | None = None
_janitor: subprocess.Popen[bytes] | None = None


def get(settings: Settings, variables: dict[str, str], keep: float = 0.0) -> tuple[Zygote, dict[str, str]]:
    """The zygote for kernels of this kind, started when there is none, and the environment of its kernels.

    With `keep`, it is one that stays warm for so many minutes after this process (warmkernel.keeper), where that can be.
    """
    from . import keeper  # which uses this module

    tree = plan(settings)
    inside = sandbox.environment(tree, variables)
    off = {name[1:] for name in settings.preload if name.startswith("-")}
    preload = [name for name in PRELOAD if name.removesuffix("?") not in off]
    preload += [name for name in settings.preload if not name.startswith("-")]
    key = (tree, tuple(sorted(inside.items())), tuple(preload))
    with _starting:
        found = _zygotes.get(key)
        if found is not None and not found.alive:
            found.close()
            found = None
        if found is None:
            found = keeper.borrow(tree, inside, tuple(preload), keep) or Zygote(tree, inside, tuple(preload))
            found.folder = _folder()
            _zygotes[key] = found
        return found, inside


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
    for control in list(_controls):
        control.close()
    for zygote in _zygotes.values():
        zygote.leave_to_parent()
    _zygotes.clear()
    if _janitor is not None and _janitor.stdin is not None:
        _janitor.stdin.close()
        _janitor.returncode = 0
    _own_folder = _janitor = None


atexit.register(close_all)
os.register_at_fork(after_in_child=_after_fork)
