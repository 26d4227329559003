"""The client side of a zygote: start it in its sandbox, and request kernels from it."""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import advice, readable, sandbox
from .errors import SandboxError
from .visible_files import VisibleFiles

_IMPORT_SECONDS, _START_SECONDS = 180, 60
_open_controls: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class Zygote:
    """A warm process that starts kernels on requests over a socket.

    Attributes
    ----------
    orders : socket.socket
        For the requests. When its last copy is closed, the zygote ends, and every kernel with it.
    folder : str
        Where the sockets of this process's kernels are; empty in a keeper, which has no kernels.
    """

    folder = ""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether it is still listening."""
        poller = select.poll()
        poller.register(self.orders, 0)
        return not poller.poll(0)

    def start(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[socket.socket, int]:
        """Start a kernel or a program.

        Parameters
        ----------
        request : dict
            As read by `inside/zygote.py`; see `WarmProvisioner` and `WarmProgram`.
        descriptors : sequence of int
            Copies are sent along.

        Returns
        -------
        control : socket.socket
            Connected to process 1 of its namespace; closing it ends everything in the namespace.
        handle : int
            The pidfd of process 1.

        Raises
        ------
        SandboxError
            If a step of the sandbox failed, with its name.
        """
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
            step, said = reply.get("failed", "start"), reply.get("said", "the process ended without a message")
            raise SandboxError(step, said, advice.of(step, said))
        control.setblocking(False)
        _open_controls.add(control)
        return control, handle

    def close(self) -> None:
        """Disconnect from it."""
        self.orders.close()

    def leave_to_parent(self) -> None:
        """Called in a forked copy of this process, which would otherwise keep kernels alive."""
        self.orders.close()


class OwnZygote(Zygote):
    """A zygote started by this process. Everything in its sandbox ends when this process ends or calls `close`.

    Parameters
    ----------
    files : VisibleFiles
        The files shown in its sandbox.
    environment : dict
        Environment variables in the sandbox.
    preload : tuple of str
        Modules to import; a name that ends in "?" is imported if it is installed.

    Raises
    ------
    SandboxError
        If no sandbox can be created, or an import fails.
    """

    def __init__(self, files: VisibleFiles, environment: dict[str, str], preload: tuple[str, ...]) -> None:
        self._files = files
        readable.check(files, sandbox.user())
        orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(orders)
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        program = ["-m", "_warmkernel.zygote", str(theirs.fileno())]
        try:
            with sandbox.etc_files() as etc:
                self._process = subprocess.Popen(
                    sandbox.command(files, environment, etc, program),
                    stdin=subprocess.DEVNULL,
                    stdout=self._messages,
                    stderr=self._messages,
                    pass_fds=(theirs.fileno(), *etc.values()),
                    start_new_session=True,
                )
        except OSError as error:
            self.orders.close()
            self._messages.close()
            raise SandboxError("bubblewrap", str(error), advice.of("bubblewrap", str(error))) from error
        finally:
            theirs.close()
        self._wait_until_ready(sandbox.configuration(files, preload))

    @property
    def alive(self) -> bool:
        """Whether it is still listening. If the zygote is killed, bubblewrap outlives it for a moment."""
        return self._process.poll() is None and super().alive

    @property
    def reaped(self) -> bool:
        """Whether its process has ended and been reaped."""
        return self._process.poll() is not None

    def _wait_until_ready(self, configuration: dict[str, Any]) -> None:
        self.orders.settimeout(_IMPORT_SECONDS)
        try:
            self.orders.send(json.dumps(configuration).encode())
            reply = json.loads(self.orders.recv(1 << 16) or b"{}")
        except TimeoutError:
            reply = {"failed": "imports", "said": f"not done after {_IMPORT_SECONDS} s"}
        except OSError:  # bubblewrap ended; its messages explain why
            reply = {}
        self.orders.settimeout(None)
        if "ready" in reply:
            return
        self._end()
        self._messages.seek(0)
        messages = self._messages.read().decode(errors="replace").strip()
        self._messages.close()
        step, said = reply.get("failed", "bubblewrap"), reply.get("said", messages[-2000:] or "nothing")
        readable.check(self._files, sandbox.user(), readable.ALL)
        raise SandboxError(step, said, advice.of(step, said))

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
        """Called in a forked copy of this process, whose child it is not."""
        super().leave_to_parent()
        self._process.returncode = 0


class BorrowedZygote(Zygote):
    """A zygote started by a keeper, which other processes may use too.

    Parameters
    ----------
    orders : socket.socket
        A copy of the keeper's.
    line : socket.socket
        Connection to the keeper: while it is open, the zygote is in use.
    """

    def __init__(self, orders: socket.socket, line: socket.socket) -> None:
        super().__init__(orders)
        self._line = line

    def close(self) -> None:
        """Return it to the keeper."""
        super().close()
        self._line.close()

    def leave_to_parent(self) -> None:
        """Called in a forked copy of this process, which has not borrowed it."""
        self.close()


@contextmanager
def _room_for_descriptors() -> Iterator[None]:
    """Linux counts descriptors in flight per user: a kernel with many of them must not prevent this process from sending."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _close_controls() -> None:
    """Called in a forked copy of this process: kernels end with their client, not with the last of its forks."""
    for control in list(_open_controls):
        control.close()


os.register_at_fork(after_in_child=_close_controls)
