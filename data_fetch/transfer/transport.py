"""Open files from a folder or a web server as streams, and turn failures into readable errors."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import pathlib
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator

from data_fetch.errors import DataFetchError
from data_fetch.transfer.answers import CannotReach, NotThere, stated_length, timeout
from data_fetch.transfer.retrying_stream import USER_AGENT, Stream, is_url

__all__ = [
    "CannotReach",
    "NotThere",
    "Stream",
    "is_url",
    "join",
    "length_of",
    "mirror_address",
    "offline",
    "opened",
    "read_small",
    "refuse_html",
    "save",
]


def offline() -> bool:
    """Whether DATA_FETCH_OFFLINE forbids the network.

    Raises
    ------
    DataFetchError
        If it is neither on (1, yes, true) nor off (0, no, false, empty).
    """
    value = os.environ.get("DATA_FETCH_OFFLINE", "").strip().lower()
    if value in ("", "0", "no", "false"):
        return False
    if value in ("1", "yes", "true"):
        return True
    raise DataFetchError(
        "DATA_FETCH_OFFLINE is neither on nor off.",
        where="the environment variable DATA_FETCH_OFFLINE",
        expected="1 for on, 0 or empty for off",
        got=repr(value),
    )


def mirror_address() -> str | None:
    """The mirror named by DATA_FETCH_MIRROR, a URL or an existing folder, without a trailing slash.

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
            "The mirror does not exist.",
            where="the environment variable DATA_FETCH_MIRROR",
            expected="a URL (http:// or https://) or an existing folder",
            got=address,
            next="correct DATA_FETCH_MIRROR, or unset it to use the official source",
        )
    return str(folder)


def join(base: str, path: str) -> str:
    """URL or path of a file in a mirror."""
    return f"{base}/{urllib.parse.quote(path)}" if is_url(base) else str(pathlib.Path(base, *path.split("/")))


@contextlib.contextmanager
def opened(address: str, stop: threading.Event | None = None) -> Iterator[Stream]:
    """Open a file or URL to read once, from its beginning: see `data_fetch.transfer.retrying_stream`.

    Raises
    ------
    NotThere
        If the folder or server has no such file.
    CannotReach
        If nothing answers, or the connection breaks repeatedly.
    DataFetchError
        If the server refuses, or DATA_FETCH_OFFLINE forbids the network.
    """
    if is_url(address) and offline():
        raise DataFetchError(
            "The network is disabled (DATA_FETCH_OFFLINE), and this file is not in the cache.",
            where=address,
            next="unset DATA_FETCH_OFFLINE, or set DATA_FETCH_MIRROR to a folder that has it",
        )
    with contextlib.closing(Stream(address, stop)) as stream:
        yield stream


def length_of(address: str) -> int | None:
    """Size of a file in bytes, without reading it; None if it cannot be known without a download."""
    try:
        if not is_url(address):
            return os.stat(address).st_size
        if offline():
            return None
        request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT}, method="HEAD")
        with urllib.request.urlopen(request, timeout=timeout()) as answer:
            return stated_length(answer.headers)
    except (OSError, ValueError, http.client.HTTPException):
        return None


def save(
    address: str, path: pathlib.Path, algorithm: str, expected: str, at_most: int | None = None
) -> tuple[int, str]:
    """Copy a file or URL to `path`, and compute its hash on the way.

    Parameters
    ----------
    algorithm : str
        Name in hashlib.
    expected : str
        Description of the file, for the error if a web page arrives instead.
    at_most : int, optional
        Bytes; the rest of a longer file is not read.

    Returns
    -------
    (bytes received, their hash); for a file that is too long, the count exceeds `at_most`.
    """
    digest, count = hashlib.new(algorithm, usedforsecurity=False), 0
    with opened(address) as stream, path.open("wb") as out:
        while data := stream.read(1 << 20):
            if not count:
                refuse_html(data[:4096], address, expected)
            count += len(data)
            if at_most is not None and count > at_most:
                break
            digest.update(data)
            out.write(data)
    return count, digest.hexdigest()


def read_small(address: str, limit: int = 32 << 20) -> bytes:
    """The content of a small file.

    Raises
    ------
    DataFetchError
        If it cannot be read, or has more than `limit` bytes.
    """
    with opened(address) as stream:
        content = io.BufferedReader(stream).read(limit + 1)
    if len(content) > limit:
        raise DataFetchError("The file is larger than expected.", where=address, got=f"over {limit:,} bytes")
    return content


def refuse_html(start: bytes, address: str, expected: str) -> None:
    """Raise if a file begins like a web page, as sent instead of the file by portals, expired links and login forms.

    Raises
    ------
    DataFetchError
        If it does; `expected` describes the file.
    """
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|\?xml|!--|script)", start, re.IGNORECASE):
        title = re.search(rb"<title[^>]*>([^<]{1,80})", start, re.IGNORECASE)
        named = f' titled "{title[1].decode(errors="replace").strip()}"' if title else ""
        raise DataFetchError(
            "The server sent a web page instead of the file (a login form, an expired link or a captive portal).",
            where=address,
            expected=expected,
            got=f"an HTML page{named}",
            next="open the URL in a browser to see the page; then run the same command again",
        )
