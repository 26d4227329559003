"""Starts a module in its own process: a fork of a warm process if the kernel offers one, otherwise a new Python.

A kernel may itself be a fork of a process that has imported TensorFlow and run nothing since. It then names, in the
environment variable WARMKERNEL_FORK, a Unix socket (SOCK_SEQPACKET; "@name" is an abstract one) that forks that process:
send one message {"module": ..., "environment": {...}} with three descriptors for the standard streams, receive
{"pid": ...} or {"error": ...}, and {"exit": ...} at the end. The process is killed when the connection closes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

VARIABLE = "WARMKERNEL_FORK"


def start_module(module: str, environment: dict[str, str], messages: IO[bytes]) -> subprocess.Popen[bytes] | Forked:
    """`python -P -m module`, with unbuffered pipes to its standard input and output.

    Parameters
    ----------
    module : str
        Its full name.
    environment : dict, str -> str
        The complete environment of the process.
    messages : file
        Open for writing; receives the process's standard error.

    Returns
    -------
    Popen or Forked
        Both have stdin, stdout, pid, returncode, poll(), wait(timeout) and kill().

    Raises
    ------
    OSError
        The process cannot be started.
    """
    if VARIABLE in os.environ:
        try:
            return Forked(os.environ[VARIABLE], module, environment, messages)
        except (OSError, ValueError, KeyError):
            pass  # no longer offered, or not to this process, for example one that a notebook started
    root = Path(__file__).resolve().parents[2]
    if root.name != "site-packages":
        environment = environment | {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(root), environment.get("PYTHONPATH")]))
        }
    # -P: a student's folder may contain a random.py or an html.py, which must not shadow the library's.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=messages,
        bufsize=0,
        env=environment,
    )


class Forked:
    """A process forked by the kernel's server. Raises OSError, ValueError or KeyError if it could not be forked."""

    def __init__(self, address: str, module: str, environment: dict[str, str], messages: IO[bytes]) -> None:
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        their_input, our_end = os.pipe()
        self.stdin: IO[bytes] = open(our_end, "wb", buffering=0)  # noqa: SIM115 - as long as the process
        our_end, their_output = os.pipe()
        self.stdout: IO[bytes] = open(our_end, "rb", buffering=0)  # noqa: SIM115
        try:
            self._connection.settimeout(10)
            self._connection.connect("\0" + address[1:] if address.startswith("@") else address)
            request = json.dumps({"module": module, "environment": environment}).encode()
            socket.send_fds(self._connection, [request], [their_input, their_output, messages.fileno()])
            self.pid = int(json.loads(self._connection.recv(4096))["pid"])
        except BaseException:
            self.stdin.close()
            self.stdout.close()
            self._connection.close()
            raise
        finally:
            os.close(their_input)
            os.close(their_output)

    def poll(self) -> int | None:
        """The exit status, or None while the process is running."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status; raises TimeoutExpired after `timeout` seconds."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def kill(self) -> None:
        """Kill the process."""
        if self.returncode is None:
            self._connection.close()
            self.returncode = -signal.SIGKILL

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._connection, select.POLLIN)
            if waiting.poll(None if timeout is None else timeout * 1000):
                self.returncode = self._end()
                self._connection.close()
        return self.returncode

    def _end(self) -> int:
        try:
            message: dict[str, Any] = json.loads(self._connection.recv(4096))
            return int(message["exit"])
        except (OSError, ValueError, KeyError):
            return -signal.SIGKILL
