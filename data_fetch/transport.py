"""Open files of a folder or of a web server as streams, and turn what goes wrong into errors for people."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import pathlib
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import BinaryIO

from data_fetch.cache import offline
from data_fetch.errors import DataFetchError

TIMEOUT = 60  # seconds without a byte
USER_AGENT = "data-fetch (medxai-course)"


class NotThere(DataFetchError):
    """The server or folder answered, and has no such file."""


def is_url(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def mirror_address() -> str | None:
    """The mirror that DATA_FETCH_MIRROR names, a URL or an existing folder, without a slash at its end.

    Raises
    ------
    DataFetchError
        If it is neither.
    """
    address = os.environ.get("DATA_FETCH_MIRROR", "").strip()
    if not address:
        return None
    if is_url(address):
        return address.rstrip("/")
    if address.lower().startswith("file://"):
        address = urllib.request.url2pathname(urllib.parse.urlsplit(address).path)
    folder = pathlib.Path(address).expanduser().absolute()
    if not folder.is_dir():
        raise DataFetchError(
            "The mirror is not there.",
            where="the environment variable DATA_FETCH_MIRROR",
            expected="a URL (http:// or https://) or an existing folder",
            got=address,
            next="correct DATA_FETCH_MIRROR, or unset it to use the official source",
        )
    return str(folder)


def join(base: str, path: str) -> str:
    """Address of a file below a mirror."""
    return f"{base}/{urllib.parse.quote(path)}" if is_url(base) else str(pathlib.Path(base, *path.split("/")))


class CannotReach(DataFetchError):
    """Nothing answered, or the answer broke off: trying again may help."""


class Stream(io.RawIOBase):
    """What is read from an address, told on to `on_bytes`, and refused when it ends too early."""

    def __init__(self, raw: BinaryIO, address: str, length: int | None) -> None:
        self.raw, self.address, self.length = raw, address, length
        self.count = 0
        self.on_bytes: Callable[[bytes], None] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _explained(self.address):
            data = self.raw.read(len(buffer))
        if not data and self.length is not None and self.count < self.length:
            raise CannotReach(
                "The connection ended before the file did.",
                where=self.address,
                expected=f"{self.length:,} bytes",
                got=f"{self.count:,} bytes",
                next="run the same command again",
            )
        buffer[: len(data)] = data
        self.count += len(data)
        if data and self.on_bytes:
            self.on_bytes(data)
        return len(data)


@contextlib.contextmanager
def opened(address: str) -> Iterator[Stream]:
    """Open a file of a folder, or a URL, for reading from its beginning.

    Raises
    ------
    NotThere
        If the folder or server has no such file.
    DataFetchError
        If it cannot be reached, refuses, breaks off, or DATA_FETCH_OFFLINE forbids the network.
    """
    if is_url(address) and offline():
        raise DataFetchError(
            "The network is switched off (DATA_FETCH_OFFLINE), and this is not in the cache.",
            where=address,
            next="unset DATA_FETCH_OFFLINE, or set DATA_FETCH_MIRROR to a folder that has it",
        )
    with contextlib.ExitStack() as stack, _explained(address):
        if is_url(address):
            request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT})
            raw = stack.enter_context(urllib.request.urlopen(request, timeout=TIMEOUT))
            text = raw.headers.get("Content-Length", "")
            length = int(text) if text.isdigit() else None
        else:
            raw = stack.enter_context(open(address, "rb"))
            length = os.fstat(raw.fileno()).st_size
        stream = Stream(raw, address, length)
        keep_open = stack.pop_all()
    with keep_open:
        yield stream


def read_small(address: str, limit: int = 32 << 20) -> bytes:
    """The whole content of a small file."""
    with opened(address) as stream:
        content = io.BufferedReader(stream).read(limit + 1)
    if len(content) > limit:
        raise DataFetchError(
            "This file is far too long to be what it should be.", where=address, got=f"over {limit:,} bytes"
        )
    return content


def refuse_html(start: bytes, address: str, expected: str) -> None:
    """Raise if a file begins like a web page: what portals, expired links and login forms send instead of it."""
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml|!--|script)", start, re.IGNORECASE):
        title = re.search(rb"<title[^>]*>([^<]{1,80})", start, re.IGNORECASE)
        named = f' titled "{title[1].decode(errors="replace").strip()}"' if title else ""
        raise DataFetchError(
            "The server sent a web page instead of the file (a login form, an expired link or a portal of the network).",
            where=address,
            expected=expected,
            got=f"an HTML page{named}",
            next="open the address in a browser to see what it says; then run the same command again",
        )


@contextlib.contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as reason:
        missing = reason.code in (404, 410)
        raise (NotThere if missing else DataFetchError)(
            "The server has no such file." if missing else "The server refused to send the file.",
            where=address,
            got=f"HTTP {reason.code} {reason.reason}",
            next="check DATA_FETCH_MIRROR" if missing else "check that you may read this address; try again later",
        ) from None
    except (FileNotFoundError, IsADirectoryError):
        raise NotThere("There is no such file.", where=address, next="check DATA_FETCH_MIRROR") from None
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, OSError, ValueError) as reason:
        cause = getattr(reason, "reason", reason)
        if isinstance(cause, TimeoutError | socket.timeout):
            got = f"no answer within {TIMEOUT} s"
        elif isinstance(cause, ConnectionRefusedError):
            got = "connection refused: nothing listens at this address"
        elif isinstance(cause, socket.gaierror):
            got = f"the name of the server is not known ({cause.strerror})"
        else:
            got = str(cause) or type(cause).__name__
        raise CannotReach(
            "The file could not be read.",
            where=address,
            got=got,
            next="check the network and DATA_FETCH_MIRROR, then run the same command again",
        ) from None
