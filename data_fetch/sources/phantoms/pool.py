"""Distribute the films of a set over the processor's cores, with child processes that never outlive their parent.

(joblib's loky was tried: if the parent is killed, its workers continue with everything that is queued.)
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from data_fetch.errors import DataFetchError


class PhantomError(DataFetchError):
    """The films could not be drawn; the message states why and what to do."""


def cores() -> int:
    """Processor cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # macOS, Windows
        return max(1, os.cpu_count() or 1)


def _environment() -> dict[str, str]:
    package_parent = str(Path(__file__).resolve().parents[3])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH")])),
        # One thread each: the cores are already busy with one film each, and more threads would only compete.
        **dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1"),
    }


def run_workers(arguments: list[str], films: int, workers: int, on_film: Callable[[], None]) -> None:
    """Run `workers` children, `python -m data_fetch.sources.phantoms.worker ARGUMENTS --share K/N`, until all films are drawn.

    Each child prints one line per film, and on_film is called for each. Raises PhantomError if a child ends early;
    whatever happens (an error, Ctrl-C), no child is alive when this returns. If this process is killed, the children
    notice that their standard input closes, and exit.
    """
    events: queue.Queue[tuple[int, str | None]] = queue.Queue()
    children: list[subprocess.Popen[str]] = []
    complaints: list[list[str]] = []

    def listen(index: int, child: subprocess.Popen[str]) -> None:
        for line in child.stdout or ():
            events.put((index, line.strip()))
        events.put((index, None))

    def overhear(index: int, child: subprocess.Popen[str]) -> None:
        for line in child.stderr or ():
            complaints[index].append(line.rstrip())
            del complaints[index][:-20]

    threads: list[threading.Thread] = []
    done = 0
    try:
        for k in range(workers):
            child = subprocess.Popen(
                [sys.executable, "-m", "data_fetch.sources.phantoms.worker", *arguments, "--share", f"{k}/{workers}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=_environment(),
                encoding="utf-8",
            )
            children.append(child)
            complaints.append([])
            for target in (listen, overhear):
                thread = threading.Thread(target=target, args=(k, child), daemon=True)
                thread.start()
                threads.append(thread)
        running = workers
        while running:
            index, line = events.get()
            if line is not None:
                done += 1
                on_film()
                continue
            running -= 1
            code = children[index].wait()
            if code != 0:
                threads[2 * index + 1].join(timeout=5)
                said = next((text for text in reversed(complaints[index]) if text.strip()), "")
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise PhantomError(
                    f"Drawing the phantom films stopped after {done} of {films}; nothing was kept.",
                    where=f"worker {index + 1} of {workers}",
                    got=f"it {how}" + (f": {said}" if said else ""),
                    next="run the same command again" + (" (free some memory first)" if code == -9 else ""),
                )
        if done != films:
            raise PhantomError(
                "Drawing the phantom films ended early; nothing was kept.",
                expected=f"{films} films",
                got=f"{done} films",
                next="run the same command again",
            )
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
        for child in children:
            child.wait()
        for thread in threads:
            thread.join(timeout=5)
        for child in children:
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
