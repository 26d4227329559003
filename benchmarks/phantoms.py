"""The time to render the films of lab 01 on all cores compared with one core, and to open them from the cache.

Run: python benchmarks/phantoms.py [--rounds 3]

Prints one line of JSON per measurement, with medians over the rounds:

cardiomegaly_render   the lab's 700 films at 256 px (develop and test); ours: all cores, peer: one worker,
                      limit: 60 s, as the course promises on 2 cores.
cardiomegaly_open     the same films from the cache, in a new process each time; ours: fetch_cardiomegaly twice,
                      peer: NumPy reading the same arrays completely into memory, limit: 0.2 s per image set.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data_fetch import command_line
from data_fetch.sources.phantoms import cardiomegaly, writing

SPLITS = ("develop", "test")
OPEN = """
import time
from data_fetch import fetch_cardiomegaly
import pandas
started = time.perf_counter()
for split in ("develop", "test"):
    fetch_cardiomegaly(source="phantom", split=split, size=256, progress=False)
print(time.perf_counter() - started)
"""
READ_ALL = """
import time, sys
import numpy as np
from data_fetch import fetch_cardiomegaly
files = [a.filename for split in ("develop", "test")
         for films in [fetch_cardiomegaly(source="phantom", split=split, size=256, progress=False)]
         for a in (films.images, *films.masks.values())]
started = time.perf_counter()
for file in files:
    np.load(file)
print(time.perf_counter() - started)
"""


def render(workers: int | None) -> float:
    """Seconds to render the lab's films into an empty folder."""
    started = time.perf_counter()
    for split in SPLITS:
        with tempfile.TemporaryDirectory() as folder:
            writing.write(cardiomegaly.SET, split, 256, Path(folder), progress=False, workers=workers)
    return time.perf_counter() - started


def in_a_process(code: str) -> float:
    """The number printed by `code`, run in a new Python process."""
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8").stdout)


def line(name: str, ours: list[float], peer: list[float], limit: float, unit: str) -> str:
    """One measurement as JSON: medians and their ratios."""
    a, b = statistics.median(ours), statistics.median(peer)
    row = {"name": name, "ours": a, "peer": b, "limit": limit, "ratio_peer": b / a, "ratio_limit": a / limit}
    return json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()} | {"unit": unit})


def main(rounds: int = 3, version: command_line.Version = False) -> None:
    drawn = [(render(None), render(1)) for _ in range(rounds)]
    in_a_process(OPEN)  # fills the cache
    opened = [(in_a_process(OPEN), in_a_process(READ_ALL)) for _ in range(rounds)]
    print(line("cardiomegaly_render", *map(list, zip(*drawn, strict=True)), 60.0, "s"))
    print(line("cardiomegaly_open", *map(list, zip(*opened, strict=True)), 0.4, "s"))


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python benchmarks/phantoms.py"))
