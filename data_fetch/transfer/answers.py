"""Server responses and what they mean for the user: the errors of a download, and the relevant headers."""

from __future__ import annotations

import contextlib
import datetime
import email.message
import email.utils
import errno
import http.client
import os
import re
import socket
import ssl
import urllib.error
from collections.abc import Iterator

from data_fetch.errors import DataFetchError

TIMEOUT = 60.0  # seconds without a byte, unless DATA_FETCH_TIMEOUT is set
BUSY = {408, 425, 429, 500, 502, 503, 504}
NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}


class NotThere(DataFetchError):
    """The server or folder answered but has no such file."""


class CannotReach(DataFetchError):
    """Nothing answered, or the connection broke: trying again may help.

    Attributes
    ----------
    wait : float or None
        Seconds that the server asks to wait.
    """

    wait: float | None = None


class NobodyThere(CannotReach):
    """No server at this address: worth another try only if it has answered before."""


class Hopeless(CannotReach):
    """Not to be retried by the stream; another URL may work."""


class Busy(CannotReach):
    """The server answered that it is temporarily unable to send the file."""


def timeout() -> float:
    """Seconds without a byte after which a connection is considered broken (DATA_FETCH_TIMEOUT).

    Raises
    ------
    DataFetchError
        If it is not a number above 0 and at most one day.
    """
    text = os.environ.get("DATA_FETCH_TIMEOUT", "").strip()
    if not text:
        return TIMEOUT
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < float(text) <= 86400:
        raise DataFetchError(
            "DATA_FETCH_TIMEOUT is not a number of seconds.",
            where="the environment variable DATA_FETCH_TIMEOUT",
            expected="seconds without a byte after which a connection is abandoned, such as 60",
            got=repr(text),
        )
    return float(text)


def stated_length(headers: email.message.Message) -> int | None:
    """Bytes of the body according to Content-Length; None if it is not a number."""
    text = headers.get("Content-Length", "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def validator(headers: email.message.Message) -> str | None:
    """The validator for requesting the rest of this exact file: a strong ETag, else the date."""
    if headers.get("Accept-Ranges", "").strip().lower() == "none":
        return None
    tag = headers.get("ETag", "").strip()
    return tag if tag.startswith('"') else headers.get("Last-Modified", "").strip() or None


def retry_after(headers: email.message.Message) -> float | None:
    """Seconds that the server asks to wait, given as a number or a date."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=datetime.UTC)
    return max(0.0, (until - datetime.datetime.now(datetime.UTC)).total_seconds())


def refusal(reason: urllib.error.HTTPError, address: str) -> DataFetchError:
    """The error for a response other than 200."""
    got = f"HTTP {reason.code} {reason.reason}"
    if reason.code in (404, 410):
        return NotThere("The server has no such file.", where=address, got=got, next="check DATA_FETCH_MIRROR")
    if reason.code in BUSY:
        wait = retry_after(reason.headers)
        busy = Busy(
            "The server received too many requests." if reason.code == 429 else "The server reported an error.",
            where=address,
            got=got + (f", retry after {wait:,.0f} s" if wait is not None else ""),
            next="wait, then run the same command again",
        )
        busy.wait = wait
        return busy
    if 300 <= reason.code < 400:
        return DataFetchError(
            "The server redirects endlessly.",
            where=address,
            got=f"HTTP {reason.code}, last from {reason.url}",
            next="check DATA_FETCH_MIRROR, and open the URL in a browser to see where it leads",
        )
    return DataFetchError(
        "The server refused to send the file.",
        where=address,
        got=got,
        next="check that you have access to this URL; try again later",
    )


@contextlib.contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn any failure while reading from an address into a readable DataFetchError.

    Raises
    ------
    NotThere
        If there is no such file.
    CannotReach
        If nothing answers (NobodyThere), retrying is useless (Hopeless), or the connection broke.
    DataFetchError
        If the server refuses.
    """
    try:
        yield
    except urllib.error.HTTPError as reason:
        with reason:
            raise refusal(reason, address) from None
    except (FileNotFoundError, IsADirectoryError):
        raise NotThere("There is no such file.", where=address, next="check DATA_FETCH_MIRROR") from None
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, OSError, ValueError) as reason:
        cause = getattr(reason, "reason", reason)
        kind: type[CannotReach] = CannotReach
        if isinstance(cause, TimeoutError | socket.timeout):
            got, kind = f"no answer within {timeout():g} s", NobodyThere
        elif isinstance(cause, ConnectionRefusedError):
            got, kind = "connection refused: no server is listening at this address", NobodyThere
        elif isinstance(cause, socket.gaierror):
            got, kind = f"unknown host name ({cause.strerror})", NobodyThere
        else:
            got = str(cause) or type(cause).__name__
            if getattr(cause, "errno", None) in NO_WAY:
                kind = NobodyThere
            if isinstance(reason, ValueError) or isinstance(cause, ssl.SSLCertVerificationError):
                kind = Hopeless
        raise kind(
            "The file could not be read.",
            where=address,
            got=got,
            next="check the network and DATA_FETCH_MIRROR, then run the same command again",
        ) from None
