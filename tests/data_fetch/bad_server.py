"""A real server for tests that answers Range requests and misbehaves on demand."""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Answer:
    """How one request is answered; everything not specified is normal.

    Attributes
    ----------
    cut : int or None
        Position in the file at which the connection ends; immediately if the request starts after it.
    reset : bool
        Whether it ends like a pulled cable rather than a program that stops.
    stall : bool
        Whether it stalls at the cut for the rest of the test instead of ending.
    claim : int or None
        Content-Length, instead of the true one.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    reset: bool = False
    stall: bool = False
    claim: int | None = None


@dataclass
class Files:
    """The content served by path. `answers` are used up in order, then requests succeed; `always` applies to every request."""

    files: dict[str, bytes]
    address: str = ""
    ranges: bool = True
    tag: str | None = '"v1"'
    answers: list[Answer] = field(default_factory=list)
    always: Answer | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    turn: int = 0  # responses of the previous turn, which are no longer read, do not count in `sent`
    on_get: Callable[[str], None] = lambda path: None
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def again(self, **how: object) -> None:
        """Reset the recorded requests, and set the behaviour from now on."""
        settings = {"ranges": True, "tag": '"v1"', "always": None, **how}
        with self.lock:
            self.sent, self.turn = 0, self.turn + 1
        for name, value in settings.items():
            setattr(self, name, value)
        self.asked.clear()
        self.answers = list(how.get("answers", []))  # type: ignore[call-overload]


@contextlib.contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Files]:
    """Serve some files on a free port of this machine."""
    state = Files(files)

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            path, asked = self.path.lstrip("/"), self.headers.get("Range", "")
            with state.lock:
                state.asked.append((path, asked))
                self.turn = state.turn
                answer = state.always or (state.answers.pop(0) if state.answers else Answer())
            state.on_get(path)
            if answer.status != 200 or answer.body is not None:
                self.respond(answer.status, answer.headers, answer.body or b"", answer)
                return
            if path not in state.files:
                self.respond(404, {}, b"", answer)
                return
            content, headers, start, status = state.files[path], dict(answer.headers), 0, 200
            if state.tag:
                headers["ETag"] = state.tag
            found = re.fullmatch(r"bytes=(\d+)-", asked)
            if found and state.ranges and self.headers.get("If-Range") in (None, state.tag):
                start, status = int(found[1]), 206
                if start >= len(content):
                    self.respond(416, {"Content-Range": f"bytes */{len(content)}"}, b"", answer)
                    return
                claimed = len(content) if answer.claim is None else answer.claim
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{claimed}"
            self.respond(status, headers, content[start:], answer, start)

        def respond(self, status: int, headers: dict[str, str], body: bytes, answer: Answer, start: int = 0) -> None:
            self.send_response(status)
            length = len(body) if answer.claim is None else answer.claim - start
            for key, value in ({"Content-Length": str(length)} | headers).items():
                self.send_header(key, value)
            self.end_headers()
            if answer.cut is not None:
                body = body[: max(0, answer.cut - start)]
            try:
                for place in range(0, len(body), 1 << 16):
                    part = body[place : place + (1 << 16)]
                    with state.lock:
                        state.sent += len(part) if self.turn == state.turn else 0
                    self.wfile.write(part)
            except OSError:
                return  # the client has read enough
            if answer.stall:
                state.over.wait(60)
            if answer.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
