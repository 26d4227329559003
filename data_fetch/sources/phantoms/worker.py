"""A child process that draws every N-th film of a set into its memory-mapped arrays.

`python -m data_fetch.sources.phantoms.worker --set cardiomegaly --split test --size 256 --folder F --share 0/2`; started by `pool.run_workers`.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

from .sets import SETS
from .writing import draw_rows


def _end_with_parent() -> None:
    """End this process immediately when the parent's end of standard input closes."""
    # os.read, not sys.stdin: a thread that holds the lock of sys.stdin makes Python abort on exit.
    while os.read(0, 1):
        pass
    os._exit(3)


def main() -> None:
    """Draw this worker's share of the films; print one line for each film written to disk."""
    parser = argparse.ArgumentParser(prog="python -m data_fetch.sources.phantoms.worker", description=__doc__)
    parser.add_argument("--set", required=True, choices=SETS)
    parser.add_argument("--split", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--share", required=True, help="K/N: draw rows K, K + N, K + 2N ...")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process and cleans up
    threading.Thread(target=_end_with_parent, daemon=True).start()
    part, parts = (int(text) for text in options.share.split("/"))
    for row in draw_rows(SETS[options.set], options.split, options.size, options.folder, part, parts):
        print(row, flush=True)


if __name__ == "__main__":
    main()
