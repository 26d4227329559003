"""Read a stream ahead into a bounded buffer, in a separate thread: the network never waits for decompression."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from data_fetch.transfer import transport

CHUNK = 1 << 18  # bytes
CHUNKS = 16  # buffered at most


class Stopped(Exception):
    """The caller no longer wants the data."""


class ReadAhead:
    """The chunks of a file, in order. The thread ends with the file, with an error, or after :meth:`close`.

    Parameters
    ----------
    address : str
        URL or path.
    on_bytes : function of bytes, optional
        Called in the thread with all data read, before they are passed on: for a hash.
    stop : threading.Event
        Once set, iterating raises :class:`Stopped`.

    Attributes
    ----------
    count : int
        Bytes read so far.
    """

    def __init__(self, address: str, stop: threading.Event, on_bytes: Callable[[memoryview], object] | None = None):
        self.address, self.count = address, 0
        self._on_bytes, self._stop = on_bytes, stop
        self._closed = threading.Event()
        self._chunks: queue.Queue[memoryview | BaseException | None] = queue.Queue(CHUNKS)
        # A daemon thread: a stalled read must not keep the process alive after Ctrl-C.
        threading.Thread(target=self._run, name=f"reads {address}", daemon=True).start()

    def _run(self) -> None:
        try:
            with transport.opened(self.address, self._closed) as stream:
                stream.on_bytes = self._on_bytes
                while not self._closed.is_set():
                    chunk = memoryview(bytearray(CHUNK))
                    read = stream.readinto(chunk)
                    self.count = stream.count
                    if not read:
                        break
                    self._put(chunk[:read])
            self._put(None)
        except BaseException as problem:  # passed on to the reader, whatever it is
            self._put(problem)

    def _put(self, item: memoryview | BaseException | None) -> None:
        while not self._closed.is_set():
            try:
                self._chunks.put(item, timeout=0.2)
                return
            except queue.Full:
                pass

    def __iter__(self) -> Iterator[memoryview]:
        while not self._stop.is_set():
            try:
                item = self._chunks.get(timeout=0.2)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
        raise Stopped

    def close(self) -> None:
        """Let the thread end: immediately, or when its read returns."""
        self._closed.set()
