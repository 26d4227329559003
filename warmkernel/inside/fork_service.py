"""Forks of the pristine warm process, for a module of the environment that needs a fresh process.

The address of the service is in the kernel's environment variable WARMKERNEL_FORK ("@name" is an abstract unix socket,
SOCK_SEQPACKET). One connection is one process:

    you send    {"module": "package.module", "environment": {"NAME": "value"}} with three descriptors: the new
                process's standard input, output and error. "environment" is optional; it is added to the kernel's.
    you get     {"pid": 17}, or {"error": "why not"}
    later       {"exit": 0} when the process has ended; as in subprocess, -9 is signal 9

The module runs as with `python -P -m package.module`, except that the zygote's imports are already done; no TensorFlow
operation and no user code has run in it. It is in the same sandbox, under the same limits, and is killed when the
connection closes.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from . import fresh_process

VARIABLE, ADDRESS = "WARMKERNEL_FORK", "@warmkernel-fork"
_LARGEST_REQUEST, _MOST_CONNECTIONS = 1 << 16, 16


class ForkService:
    """The service, in process 1."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(f"\0{ADDRESS[1:]}")
        self.listener.listen(_MOST_CONNECTIONS)
        self.listener.setblocking(False)
        self.connections: dict[socket.socket, int | None] = {}  # -> its process

    def register(self, poller: select.poll) -> None:
        """Register the sockets to wait for: those of all connections, and the listener if one more is allowed."""
        if len(self.connections) < _MOST_CONNECTIONS:
            poller.register(self.listener, select.POLLIN)
        for connection in self.connections:
            poller.register(connection, select.POLLIN)

    def serve(self, ready: set[int]) -> None:
        """Handle the sockets that are ready, by descriptor."""
        if self.listener.fileno() in ready:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            self.connections[connection] = None
        for connection in [c for c in self.connections if c.fileno() in ready]:
            if self.connections[connection] is None:
                self._start(connection)
            else:  # one process per connection: anything received now, including a hang-up, ends it
                self._close(connection)

    def ended(self, number: int, code: int) -> None:
        """Called when a process has ended, perhaps one of this service."""
        for connection, mine in list(self.connections.items()):
            if mine == number:
                self.connections[connection] = None
                _tell(connection, {"exit": code})
                self._close(connection)

    def _start(self, connection: socket.socket) -> None:
        descriptors: list[int] = []
        try:
            data, descriptors = _receive(connection)
            request = json.loads(data)
            if len(descriptors) != 3 or not isinstance(request, dict) or not isinstance(request.get("module"), str):
                raise ValueError('expected {"module": "name"} and three descriptors')
            environment = request.get("environment", {})
            if not isinstance(environment, dict) or not all(
                isinstance(text, str) and "\0" not in text for item in environment.items() for text in item
            ):
                raise ValueError("environment: expected strings as names and values")
            number = os.fork()
            if number == 0:
                _run(request["module"], {**self.environment, **environment}, descriptors)
            self.connections[connection] = number
            _tell(connection, {"pid": number})
        except (OSError, ValueError, RecursionError) as error:
            _tell(connection, {"error": str(error)})
            self._close(connection)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _close(self, connection: socket.socket) -> None:
        number = self.connections.pop(connection)
        connection.close()
        if number is not None:
            for send, target in ((os.killpg, number), (os.kill, number)):
                with contextlib.suppress(ProcessLookupError):
                    send(target, signal.SIGKILL)


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """One message and every descriptor in it, so that none is left over."""
    handles = array.array("i")
    room = socket.CMSG_SPACE(253 * handles.itemsize)
    data, ancillary, _, _ = connection.recvmsg(_LARGEST_REQUEST, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, body in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            handles.frombytes(body[: len(body) - len(body) % handles.itemsize])
    return data, list(handles)


def _tell(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the other side is gone or does not read
        connection.send(json.dumps(message).encode())


def _run(module: str, environment: dict[str, str], descriptors: list[int]) -> NoReturn:
    code = 1
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        fresh_process.keep_only(set())
        fresh_process.become_ordinary(environment)
        sys.argv = [module]
        for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
            stream = open(number, mode, closefd=False, encoding="utf-8")  # noqa: SIM115 - open as long as the process
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code & 0xFF)
