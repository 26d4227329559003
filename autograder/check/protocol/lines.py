"""Lines of JSON, with file descriptors, on the sockets between the grader and its checkers."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Sequence
from typing import Any

from autograder.check.protocol.limits import LONGEST_LINE, START

MOST_DESCRIPTORS = 4  # per part of a line


class Lines:
    """Reads lines of JSON from a socket.

    Parameters
    ----------
    sock : socket.socket
        This object takes ownership of it.
    descriptors : bool
        Whether to accept descriptors with the lines. Only the grader's are accepted: all others are closed by the operating
        system's kernel on arrival.
    """

    def __init__(self, sock: socket.socket, descriptors: bool = False):
        self.sock = sock
        self.data = bytearray()
        self.descriptors: list[int] | None = [] if descriptors else None

    def read(self, seconds: float | None) -> dict[str, Any]:
        """The next line; {} if it is incomplete after this many seconds, or invalid. None waits indefinitely."""
        deadline = None if seconds is None else time.monotonic() + seconds
        longest = 1 << 30 if seconds is None else LONGEST_LINE
        try:
            whole = b"\n" in self.data
            while not whole and len(self.data) < longest:
                part = self._part(deadline)
                whole = b"\n" in part
                self.data += part
            line, _, self.data = self.data.partition(b"\n")
            made = json.loads(line)
        except (OSError, ValueError, RecursionError):
            return {}
        return made if isinstance(made, dict) else {}

    def _part(self, deadline: float | None) -> bytes:
        """The next bytes; OSError if none arrive before the deadline, or the other end is closed."""
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
        if self.descriptors is None:
            part = self.sock.recv(1 << 16)
        else:
            part, taken, _, _ = socket.recv_fds(self.sock, 1 << 16, MOST_DESCRIPTORS)
            self.descriptors += taken
        if not part:
            raise ConnectionError
        return part

    def descriptor(self) -> int:
        """The oldest received descriptor not taken yet."""
        assert self.descriptors is not None
        return self.descriptors.pop(0)

    @property
    def open(self) -> bool:
        """Whether the other end is open."""
        if self.sock.fileno() < 0:
            return False
        poller = select.poll()
        poller.register(self.sock, 0)
        return not poller.poll(0)

    def close(self) -> None:
        """Closes the socket and the descriptors not taken."""
        self.sock.close()
        while self.descriptors:
            os.close(self.descriptors.pop())


def send(sock: socket.socket, line: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Sends one line of JSON for `Lines.read`, with descriptors. OSError if the other end is closed."""
    sock.settimeout(START)
    data = json.dumps(line).encode() + b"\n"
    if descriptors:
        data = data[socket.send_fds(sock, [data], descriptors) :]
    sock.sendall(data)
