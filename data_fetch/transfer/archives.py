"""Extract the wanted films from archives as they stream past, so that no archive is ever stored.

    read ahead -> md5 -> gunzip -> tar -> the wanted members -> decode -> grey -> resize -> NAME.npy

Several archives are processed in parallel, each with one thread that reads and one that decompresses; the decoding threads
are shared. All buffers are bounded. Threads suffice, as reading, hashing, decompressing and decoding all release the GIL:
on two cores, three archives take as long as in three processes, with three quarters of the CPU time.

A film is kept only once its bytes are confirmed: by its own md5, if the source states one per film, otherwise by the md5
of the whole archive, which is known after its last byte. Until then films are kept in a separate folder, each with the
sha256 of the bytes it was decoded from. When an archive is read again, films with identical bytes are confirmed without
decoding them; the others are replaced.
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
DECODERS = 8  # threads at most: each holds a film of a few MB


def take_films(
    archives: Sequence[Archive],
    pieces: pathlib.Path,
    size: int,
    on_film: Callable[[], None] = lambda: None,
    at_once: int = AT_ONCE,
) -> None:
    """Write each wanted film of some archives to PIECES/ARCHIVE/NAME.npy, uint8 (size, size).

    Existing films are not extracted again, and an archive with no missing film is not opened. Reading an archive stops
    after the last wanted film if each film has its own md5, and continues to the archive's end if only the md5 of the
    archive is known. If one archive fails, the others are still finished.

    Parameters
    ----------
    on_film : function
        Called once for each wanted film, by any thread.
    at_once : int
        Number of archives read in parallel.

    Raises
    ------
    DataFetchError
        If an archive cannot be reached, is not an archive, is truncated or corrupted, lacks a wanted film, or has a wrong
        hash. After a wrong hash everything from this archive is deleted; otherwise nothing is.
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
            except BaseException as problem:  # raised by the calling thread
                # The next archive would hit the same full disk, or the same dead connection.
                if not isinstance(problem, DataFetchError) or isinstance(problem, transport.CannotReach):
                    no_more.set()
                problems.append(problem)

    problems: list[BaseException] = []
    # Daemon threads, as a stalled read must not keep the process alive after Ctrl-C.
    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(at_once, len(archives)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # without a timeout, Ctrl-C would have no effect on Windows
    except BaseException:
        no_more.set()
        stop.set()
        for thread in threads:
            thread.join(2)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if problems:
        # A full disk is more informative than the errors it caused.
        problems.sort(key=lambda problem: isinstance(problem, DataFetchError))
        for problem in problems[1:]:
            print(problem, file=sys.stderr)
        raise problems[0]
