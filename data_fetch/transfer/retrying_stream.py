"""A file from a folder or a web server as one stream, whatever the server does: the only place that retries.

A broken connection is re-established, and the file continues where it stopped: with a Range request if the server
identified the file by an ETag or a date, otherwise from the beginning, skipping what was read before. Whether it is still
the same file is checked by its validator, or by a checksum if the server states none. The reader sees the file once, from
start to end, or an error; confirming its hash remains the reader's task.

(urllib3's Retry repeats requests that failed before a response began, and supports Retry-After. It cannot resume a body
that broke off, which is what happens to archives of gigabytes, nor reset the retry count when data arrived in between; the
pauses are three lines here.)
"""

from __future__ import annotations

import email.message
import io
import os
import random
import re
import sys
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any

from data_fetch.transfer.answers import (
    Busy,
    CannotReach,
    Hopeless,
    NobodyThere,
    explained,
    stated_length,
    timeout,
    validator,
)

TRIES = 5  # consecutive connections that bring less than PROGRESS
PROGRESS = 1 << 20  # bytes
RESTARTS = 3  # from the beginning, if the server cannot resume
PAUSE = 1.0  # seconds before the second try, doubled before each further try
LONGEST_WAIT = 120.0  # seconds; a longer Retry-After ends the download
USER_AGENT = "data-fetch (medxai-course)"


def is_url(address: str) -> bool:
    """Whether an address is an http or https URL; otherwise it is a path."""
    return address.lower().startswith(("http://", "https://"))


class Stream(io.RawIOBase):
    """A file read from its beginning to its end over as many connections as necessary.

    Parameters
    ----------
    address : str
        URL or path.
    stop : threading.Event, optional
        Once set, there is no more waiting or retrying.

    Attributes
    ----------
    count : int
        Bytes read so far.
    length : int or None
        Size of the whole file in bytes, as stated by the server.
    on_bytes : function of bytes, or None
        Called with all data read, in order, once.
    connections : int
        Number of connections made.
    """

    def __init__(self, address: str, stop: threading.Event | None = None) -> None:
        self.address = address
        self.count = self.connections = 0
        self.length: int | None = None
        self.on_bytes: Callable[[memoryview], object] | None = None
        self._stop = stop or threading.Event()
        self._raw: Any = None
        self._answered = False
        self._validator: str | None = None  # the value of If-Range
        self._checksum = self._failures = self._restarts = self._mark = 0
        self._reach()

    def readable(self) -> bool:
        """True: reading is all that a stream supports."""
        return True

    def close(self) -> None:
        """Close the connection too."""
        if self._raw is not None:
            self._raw.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes into a buffer, reconnecting if necessary; returns the count, 0 at the end. Raises as `explained`."""
        while True:
            try:
                read = self._read(buffer)
                break
            except CannotReach as problem:
                self._reach(problem)
        data = memoryview(buffer)[:read]
        if self._validator is None and is_url(self.address):
            self._checksum = zlib.crc32(data, self._checksum)
        self.count += read
        if read and self.on_bytes:
            self.on_bytes(data)
        return read

    def _read(self, buffer: Any) -> int:
        with explained(self.address):
            read = self._raw.readinto(buffer) or 0
        if not read and len(buffer) and self.length is not None and self.count < self.length:
            raise self._too_short(CannotReach)
        return read

    def _too_short(self, kind: type[CannotReach]) -> CannotReach:
        return kind(
            "The connection ended before the file did.",
            where=self.address,
            expected=f"{self.length:,} bytes",
            got=f"{self.count:,} bytes",
            next="run the same command again",
        )

    def _reach(self, problem: CannotReach | None = None) -> None:
        """Connect, retrying as long as it may help."""
        while True:
            if problem is not None:
                self._wait(problem)
            if self._raw is not None:
                self._raw.close()
            try:
                with explained(self.address):
                    self._connect()
                return
            except CannotReach as reason:
                self._answered |= isinstance(reason, Busy)
                problem = reason

    def _wait(self, problem: CannotReach) -> None:
        """Wait until the next try, or raise the problem if there should be none."""
        if self.count - self._mark >= PROGRESS:
            self._failures = 0
        self._mark = max(self._mark, self.count)
        self._failures += 1
        # Slightly randomized, so that a class whose connections broke together does not reconnect together.
        wait = PAUSE * 2 ** (self._failures - 1) * random.uniform(1, 1.25) if problem.wait is None else problem.wait
        hopeless = isinstance(problem, Hopeless) or (isinstance(problem, NobodyThere) and not self._answered)
        if hopeless or not is_url(self.address) or self._failures >= TRIES or wait > LONGEST_WAIT:
            raise _with_tries(problem, self.connections) from None
        if wait >= 5:
            print(f"{problem.what} ({problem.got}) Trying again in {wait:.0f} s.", file=sys.stderr, flush=True)
        if self._stop.wait(wait):
            raise problem

    def _connect(self) -> None:
        self.connections += 1
        if not is_url(self.address):
            self._raw = open(self.address, "rb", buffering=0)  # noqa: SIM115  (closed by close)
            self.length = os.fstat(self._raw.fileno()).st_size
            return
        headers = {"User-Agent": USER_AGENT}
        if self.count and self._validator:
            headers |= {"Range": f"bytes={self.count}-", "If-Range": self._validator}
        try:
            self._raw = urllib.request.urlopen(urllib.request.Request(self.address, headers=headers), timeout=timeout())
        except urllib.error.HTTPError as reason:
            if reason.code == 416 and self.count:
                # There are no more bytes: the length stated at first was wrong.
                raise self._too_short(Hopeless) from None
            raise
        self._answered = True
        if not self.count:
            self.length = stated_length(self._raw.headers)
            self._validator = validator(self._raw.headers)
        elif self._raw.status == 206:
            self._check_part(self._raw.headers)
        else:
            self._skip()

    def _check_part(self, headers: email.message.Message) -> None:
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", "").strip())
        same = validator(headers) in (None, self._validator)
        if not part or int(part[1]) != self.count or part[2] not in ("*", str(self.length or "*")) or not same:
            raise self._changed(f"{headers.get('Content-Range', 'no Content-Range')}")

    def _skip(self) -> None:
        """Read again from the beginning to where the last connection ended, and check that the bytes are the same."""
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise self._too_short(Hopeless)
        headers = self._raw.headers
        if stated_length(headers) != self.length:
            raise self._changed(f"{stated_length(headers)} bytes of {headers.get_content_type()}")
        if validator(headers) != self._validator:
            raise self._changed(f"a file identified by {validator(headers)}, not {self._validator}")
        left, seen, buffer = self.count, 0, memoryview(bytearray(1 << 18))
        while left:
            read = self._raw.readinto(buffer[:left])
            if not read or self._stop.is_set():
                raise self._too_short(CannotReach)
            if self._validator is None:
                seen = zlib.crc32(buffer[:read], seen)
            left -= read
        if seen != self._checksum:
            raise self._changed("different bytes at its beginning")

    def _changed(self, got: str) -> Hopeless:
        return Hopeless(
            "The connection broke, and the server now sends a different file.",
            where=self.address,
            expected=f"the rest of {self.length} bytes, from byte {self.count}",
            got=got,
            next="run the same command again",
        )


def _with_tries(problem: CannotReach, connections: int) -> CannotReach:
    if connections < 2:
        return problem
    got = f"{problem.got}; {connections} tries"
    return type(problem)(problem.what, where=problem.where, expected=problem.expected, got=got, next=problem.next)
