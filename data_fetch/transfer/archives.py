"""Take the wanted films out of archives while they stream past, so that no archive is ever stored.

    read ahead -> md5 -> gunzip -> tar -> the wanted members -> decode -> grey -> resize -> NAME.npy

Several archives at once, each with a thread that reads and a thread that unzips; the threads that decode are shared.
All buffers are bounded. Threads are enough, as reading, hashing, unzipping and decoding all let Python's lock go: measured
on two cores, three archives take as long as in three processes, with three quarters of their CPU time.

A film is kept only when its bytes are confirmed: by its own md5, if the source states one for each film, and otherwise
by the md5 of the whole archive, which is known when its last byte has been read. Until then films wait in a folder of
their own, each with the sha256 of the bytes that it was made from. An archive that is read again confirms those that
come again byte by byte, without decoding them; the others are replaced.
"""

from __future__ import annotations

import os
import pathlib
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from data_fetch.errors import DataFetchError
from data_fetch.transfer import transport
from data_fetch.transfer.archive_reader import Archive, ArchiveReader, Decoders, film_path

__all__ = ["Archive", "film_path", "take_films"]

AT_ONCE = 3  # archives
DECODERS = 8  # threads at most: each holds a film of some MB


def take_films(
    archives: Sequence[Archive],
    pieces: pathlib.Path,
    size: int,
    on_film: Callable[[], None] = lambda: None,
    at_once: int = AT_ONCE,
) -> None:
    """Write each wanted film of some archives to PIECES/ARCHIVE/NAME.npy, uint8 (size, size).

    Films that are there already are not taken again, and an archive of which none is missing is not opened. Reading
    an archive stops after the last wanted film where each film has an md5 of its own, and goes to the archive's end
    where only its own md5 is known. One archive that fails does not keep the others from being finished.

    Parameters
    ----------
    on_film : function
        Called once for each wanted film, by any thread.
    at_once : int
        How many archives are read at the same time.

    Raises
    ------
    DataFetchError
        If an archive cannot be reached, is no archive, is truncated or corrupted, lacks a wanted film, or a hash is
        not the expected one. With a wrong hash everything from this archive is gone; otherwise nothing is.
    """
    waiting: queue.SimpleQueue[Archive] = queue.SimpleQueue()
    for archive in archives:
        waiting.put(archive)
    stop, no_more = threading.Event(), threading.Event()
    workers = min(DECODERS, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decodes")
    slots = threading.BoundedSemaphore(2 * workers + 2)

    def run() -> None:
        while not no_more.is_set():
            try:
                archive = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                ArchiveReader(archive, pieces / archive.name, size, on_film, Decoders(pool, slots), stop).take()
            except BaseException as problem:  # told by the thread that called
                # The next archive would meet the same full disk, or the same dead line.
                if not isinstance(problem, DataFetchError) or isinstance(problem, transport.CannotReach):
                    no_more.set()
                problems.append(problem)

    problems: list[BaseException] = []
    # Daemons, as a read that stalls must not keep the process after Ctrl-C.
    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(at_once, len(archives)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # without a limit, Ctrl-C would not be heard on Windows
    except BaseException:
        no_more.set()
        stop.set()
        for thread in threads:
            thread.join(2)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if problems:
        # A full disk says more than what it broke.
        problems.sort(key=lambda problem: isinstance(problem, DataFetchError))
        for problem in problems[1:]:
            print(problem, file=sys.stderr)
        raise problems[0]
