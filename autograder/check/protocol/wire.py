"""Frames on a stream socket between the checker and the student's process.

A frame is a magic word, the length of the head, the length of the body, the head (JSON of lists and scalars, no objects)
and the body (raw bytes: arrays, long texts). Every send and receive has a deadline, every length a limit. A violation
closes the channel: the student loses the current cell only.

Standard library only: this file is also part of the student's side (see `runner.responder_code.bundle`).
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

from autograder.check.protocol.flaws import Flaw

MAGIC = b"MXO1"
LENGTHS = struct.Struct("<4sIQ")
MAX_HEAD, MAX_BODY = 4 << 20, 256 << 20  # bytes
CHUNK = 1 << 20


class Broken(Exception):
    """The other side violated the protocol or a limit, or has closed. The channel is closed permanently.

    `flaw` names the problem; `exception` the exception that it caused, if any.
    """

    def __init__(self, flaw: Flaw, exception: str = ""):
        super().__init__(flaw.value)
        self.flaw, self.exception = flaw, exception


class Late(Broken):
    """The message was missing or incomplete at the deadline."""

    def __init__(self) -> None:
        super().__init__(Flaw.NO_ANSWER)


class Gone(Broken):
    """The other end is closed."""

    def __init__(self) -> None:
        super().__init__(Flaw.NO_ANSWER)


class Wire:
    """One end of a channel.

    Parameters
    ----------
    sock : socket.socket
        A stream socket; this object takes ownership of it.
    """

    def __init__(self, sock: socket.socket):
        self.sock: socket.socket | None = sock

    def send(self, head: Any, buffers: list[bytes], deadline: float) -> None:
        """Sends one frame before `deadline` (of time.monotonic).

        Raises
        ------
        ValueError
            If the frame exceeds the limits; nothing was sent.
        Broken
            If the other side has closed, or does not read in time.
        """
        text = json.dumps(head, separators=(",", ":")).encode()
        size = sum(map(len, buffers))
        if len(text) > MAX_HEAD or size > MAX_BODY:
            raise ValueError(f"{len(text) + size} bytes exceed the limit for a message")
        for part in (LENGTHS.pack(MAGIC, len(text), size) + text, *buffers):
            rest = memoryview(part)
            while rest:
                rest = rest[self._now(deadline, "send", rest[:CHUNK]) :]

    def receive(self, deadline: float) -> tuple[Any, bytearray]:
        """The head and body of the next frame; raises Broken on a timeout or an invalid frame."""
        magic, head_size, body_size = LENGTHS.unpack(self._read(LENGTHS.size, deadline))
        if magic != MAGIC or head_size > MAX_HEAD or body_size > MAX_BODY:
            self.close()
            raise Broken(Flaw.NO_MESSAGE)
        head, body = self._read(head_size, deadline), self._read(body_size, deadline)
        try:
            return json.loads(head, object_pairs_hook=_no_objects), body
        except (ValueError, RecursionError):
            self.close()
            raise Broken(Flaw.MESSAGE_UNREADABLE) from None

    def close(self) -> None:
        """Closes this end, which the other side sees as the end of the stream."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray()  # grows with the data received, not with the announced length
        while len(data) < size:
            part = self._now(deadline, "recv", min(size - len(data), CHUNK))
            if not part:
                self.close()
                raise Gone
            data += part
        return data

    def _now(self, deadline: float, action: str, argument: Any) -> Any:
        if self.sock is None:
            raise Gone
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(min(left, 1e6))
            return getattr(self.sock, action)(argument)
        except TimeoutError:
            self.close()
            raise Late from None
        except OSError:
            self.close()
            raise Gone from None


def _no_objects(pairs: Any) -> Any:
    raise ValueError("a head may contain only lists and scalars")
