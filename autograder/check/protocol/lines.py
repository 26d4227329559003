"""Lines of JSON, and descriptors with them, on the sockets between the grader and its checkers."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Sequence
from typing import Any

from autograder.check.protocol.limits import LONGEST_LINE, START


class Lines:
    """Reads lines of JSON, and the descriptors that came with them, from a socket."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.data = b""
        self.descriptors: list[int] = []

    def read(self, seconds: float | None) -> dict[str, Any]:
        """The next line; {} when none comes in time, or what comes is not one."""
        self.sock.settimeout(seconds)
        try:
            while b"\n" not in self.data and len(self.data) < (LONGEST_LINE if seconds else 1 << 30):
                part, descriptors, _, _ = socket.recv_fds(self.sock, 1 << 16, 4)
                self.descriptors += descriptors
                if not part:
                    return {}
                self.data += part
            line, _, self.data = self.data.partition(b"\n")
            made = json.loads(line)
        except (OSError, ValueError, RecursionError):
            return {}
        return made if isinstance(made, dict) else {}

    def descriptor(self) -> int:
        """The oldest descriptor that came and was not yet taken."""
        return self.descriptors.pop(0)

    @property
    def open(self) -> bool:
        """Whether anybody holds the other end."""
        if self.sock.fileno() < 0:
            return False
        poller = select.poll()
        poller.register(self.sock, 0)
        return not poller.poll(0)

    def close(self) -> None:
        """Closes the socket."""
        self.sock.close()


def send(sock: socket.socket, line: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Sends one line of JSON for `Lines.read`, and descriptors with it. OSError when the other side is gone."""
    sock.settimeout(START)
    data = json.dumps(line).encode() + b"\n"
    if descriptors:
        data = data[socket.send_fds(sock, [data], descriptors) :]
    sock.sendall(data)
