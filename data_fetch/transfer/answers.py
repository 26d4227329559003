"""What servers answer, and what it means for a person: the errors of a download, and the headers that matter to it."""

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

TIMEOUT = 60.0  # seconds without a byte, unless DATA_FETCH_TIMEOUT says otherwise
BUSY = {408, 425, 429, 500, 502, 503, 504}
NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}


class NotThere(DataFetchError):
    """The server or folder answered, and has no such file."""


class CannotReach(DataFetchError):
    """Nothing answered, or the answer broke off: trying again may help.

    Attributes
    ----------
    wait : float or None
        Seconds that the server asks to wait.
    """

    wait: float | None = None


class NobodyThere(CannotReach):
    """No server at this address: worth another try only if there was one a moment ago."""


class Hopeless(CannotReach):
    """Not to be tried again by the stream; another address may do."""


class Busy(CannotReach):
    """The server answered that it cannot at the moment."""


def timeout() -> float:
    """Seconds without a byte after which a connection counts as broken (DATA_FETCH_TIMEOUT).

    Raises
    ------
    DataFetchError
        If it is not a number above 0, of a day at most.
    """
    text = os.environ.get("DATA_FETCH_TIMEOUT", "").strip()
    if not text:
        return TIMEOUT
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < float(text) <= 86400:
        raise DataFetchError(
            "DATA_FETCH_TIMEOUT is not a number of seconds.",
            where="the environment variable DATA_FETCH_TIMEOUT",
            expected="seconds without a byte after which a connection is given up, such as 60",
            got=repr(text),
        )
    return float(text)


def stated_length(headers: email.message.Message) -> int | None:
    """Bytes of the body as Content-Length states them; None where it states nothing that is a number."""
    text = headers.get("Content-Length", "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def validator(headers: email.message.Message) -> str | None:
    """By what the server can be asked for the rest of this very file: a strong ETag, else the date."""
    if headers.get("Accept-Ranges", "").strip().lower() == "none":
        return None
    tag = headers.get("ETag", "").strip()
    return tag if tag.startswith('"') else headers.get("Last-Modified", "").strip() or None


def retry_after(headers: email.message.Message) -> float | None:
    """Seconds that the server asks to wait, stated as such or as a date."""
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
    """What an answer other than 200 means for a person."""
    got = f"HTTP {reason.code} {reason.reason}"
    if reason.code in (404, 410):
        return NotThere("The server has no such file.", where=address, got=got, next="check DATA_FETCH_MIRROR")
    if reason.code in BUSY:
        wait = retry_after(reason.headers)
        busy = Busy(
            "The server asks for fewer requests." if reason.code == 429 else "The server has a fault of its own.",
            where=address,
            got=got + (f", and to wait {wait:,.0f} s" if wait is not None else ""),
            next="wait, then run the same command again",
        )
        busy.wait = wait
        return busy
    if 300 <= reason.code < 400:
        return DataFetchError(
            "The server redirects endlessly.",
            where=address,
            got=f"HTTP {reason.code}, last from {reason.url}",
            next="check DATA_FETCH_MIRROR, and open the address in a browser to see where it leads",
        )
    return DataFetchError(
        "The server refused to send the file.",
        where=address,
        got=got,
        next="check that you may read this address; try again later",
    )


@contextlib.contextmanager
def explained(address: str) -> Iterator[None]:
    """Whatever goes wrong while an address is read becomes a DataFetchError for people.

    Raises
    ------
    NotThere
        If there is no such file.
    CannotReach
        If nothing answers (NobodyThere), asking again is no use (Hopeless), or the connection broke.
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
            got, kind = "connection refused: nothing listens at this address", NobodyThere
        elif isinstance(cause, socket.gaierror):
            got, kind = f"the name of the server is not known ({cause.strerror})", NobodyThere
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
