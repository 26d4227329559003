"""The memory needed for 400 films of 512 x 512 pixels: by one student, and by ten at the same time.

Run: python benchmarks/student_memory.py [--students 10] [--rounds 3] [--films 400] [--size 512]      (Linux)

Each student is a separate process that converts every film once to network input. Ours fetches the films from a filled
cache (`fetch_cardiomegaly`: mapped, uint8) and preprocesses them in batches. The peer does what such notebooks usually
do: unpickle the arrays, copy them into float64 with three channels, and preprocess the whole image set in place (the
arithmetic of Keras's `preprocess_input`), without the copies that splitting the arrays would make. TensorFlow is excluded
on both sides; ours includes Python, NumPy and the imports of fetching (pandas). Both sides must agree on the mean of all
network input.

Memory is the proportional set size (PSS: a page that k processes map counts as 1/k in each), read from
/proc/PID/smaps_rollup every 20 ms while all students are running. The films are noise in the format of the real cache;
their pixel values do not affect the results.

Prints one line of JSON per measurement, with medians over the rounds, in MB (1e6 bytes):

student_memory        ten students at the same time: the peak of the sum of their PSS, divided by their number. The peer
                      runs as many students as fit into half of the free memory (`peer_students`): its pages are private,
                      so the share of one does not depend on their number. limit: a twentieth of the peer's.
student_memory_one    the same for a single student, who shares no pages.
student_memory_films  the peak of what all ten together have mapped from the file of films; limit: the size of the file,
                      which the machine caches once for all of them. `to_network_input` releases the pages it has read.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from data_fetch import command_line

GOAL = 20
BATCH = 8  # as in the gpu profile

OURS = """
import sys
from data_fetch import fetch_cardiomegaly
from medxai.networks.preprocessing import to_network_input
films = fetch_cardiomegaly(source="phantom", split="develop", size={size}, progress=False)
print("ready", flush=True)
sys.stdin.readline()

def seen(network_input):
    return float(network_input.sum(dtype="float64"))

total = sum(seen(to_network_input(films.images[start : start + {batch}])) for start in range(0, len(films), {batch}))
print(total / (films.images.size * 3), flush=True)
sys.stdin.readline()
"""
# The course itself never pickles anything; this is for the peer.
PICKLE = """
import pickle, sys
import numpy as np
with open(sys.argv[2], "wb") as file:
    pickle.dump(np.load(sys.argv[1]), file, 4)
"""
PEER = """
import sys, pickle
import numpy as np
print("ready", flush=True)
sys.stdin.readline()
with open({path!r}, "rb") as file:
    images = pickle.load(file)
x = np.zeros(images.shape + (3,))
for channel in range(3):
    x[..., channel] = images
del images
x = x[..., ::-1]
for channel, mean in enumerate((103.939, 116.779, 123.68)):
    x[..., channel] -= mean
print(float(x.sum()) / x.size, flush=True)
sys.stdin.readline()
"""


def fill_cache(folder: Path, films: int, size: int) -> Path:
    """A stored set in the renderer's format, created through `fetch_cardiomegaly`; returns its file of films."""
    from data_fetch import fetch_cardiomegaly
    from data_fetch.sources.phantoms import writing

    def write(what: writing.PhantomSet, split: str, size: int, folder: Path, progress: bool = True) -> None:
        rng = np.random.default_rng(0)
        shape = (films, size, size)
        images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, shape)
        (folder / "masks").mkdir()
        for name in ("heart", "lungs"):
            np.lib.format.open_memmap(folder / "masks" / f"{name}.npy", "w+", bool, shape).flush()
        for image in images:
            image[:] = rng.integers(0, 256, (size, size), dtype=np.uint8)
        images.flush()
        rows = [f"{n:04d}.png,{int(n % 8 == 0)},p{n:04d},PA,{n * 10 // films}" for n in range(films)]
        (folder / "table.csv").write_text("\n".join(["name,label,patient,view,fold", *rows]) + "\n", encoding="utf-8")
        (folder / "card.toml").write_text('source = "phantom"\nsplit = "develop"\nversion = "1"\n', encoding="utf-8")

    drawn, writing.write = writing.write, write  # type: ignore[assignment]
    try:
        filled = fetch_cardiomegaly(source="phantom", split="develop", size=size, cache_dir=folder, progress=False)
    finally:
        writing.write = drawn
    return Path(filled.images.filename)


def pss(process: int, file: Path | None = None) -> int:
    """The proportional set size of a process in bytes; only of what it maps from `file`, if given."""
    if file is None:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    found, here = 0, False
    for line in Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.split(" ", 1)[0]:
            here = line.endswith(str(file))
        elif here and line.startswith("Pss:"):
            found += int(line.split()[1])
    return found * 1024


def class_of(code: str, students: int, environment: dict[str, str], file: Path | None = None) -> dict[str, float]:
    """Run students at the same time; peak MB of a student's share, and of what all have mapped from `file`."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | environment,
        )
        for _ in range(students)
    ]
    try:
        for one in started:
            if one.stdout.readline().strip() != "ready":
                raise RuntimeError("A student's process failed to start (see the message above).")
        for one in started:
            one.stdin.write("go\n")
            one.stdin.flush()
        for one in started:
            os.set_blocking(one.stdout.fileno(), False)
        highest, of_file, means = 0, 0, {}
        while len(means) < students:
            highest = max(highest, sum(pss(one.pid) for one in started))
            of_file = max(of_file, sum(pss(one.pid, file) for one in started)) if file else 0
            for one in started:
                if text := one.stdout.readline():
                    means[one.pid] = float(text)
                elif one.poll() is not None:
                    raise RuntimeError(f"A student's process failed with exit status {one.returncode}: out of memory?")
            time.sleep(0.02)
        return {"share": highest / students / 1e6, "file": of_file / 1e6, "mean": next(iter(means.values()))}
    finally:
        for one in started:
            one.kill()
            one.communicate()


def line(name: str, ours: list[float], peer: list[float], limit: float, **more: int) -> str:
    """One measurement as JSON: medians and their ratios."""
    a, b = statistics.median(ours), statistics.median(peer) if peer else None
    row = {"name": name, "ours": a, "peer": b, "limit": limit, "ratio_peer": b and b / a, "ratio_limit": a / limit}
    row = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
    return json.dumps(row | {"unit": "MB"} | more)


def main(
    students: int = 10, rounds: int = 3, films: int = 400, size: int = 512, version: command_line.Version = False
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        film_file = fill_cache(Path(folder), films, size)
        pickled = Path(folder, "films.pickle")
        subprocess.run([sys.executable, "-c", PICKLE, str(film_file), str(pickled)], check=True)
        environment = {"DATA_FETCH_DIR": folder, "DATA_FETCH_MIRROR": "", "DATA_FETCH_REGISTRY": ""}
        ours, peer = OURS.format(size=size, batch=BATCH), PEER.format(path=str(pickled))
        needed = films * size**2 * 3 * 8 * 1.1 + 1e8
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        fitting = max(1, min(students, int(free / 2 / needed)))
        got = [
            (
                class_of(ours, students, environment, film_file),
                class_of(ours, 1, environment),
                class_of(peer, fitting, environment),
                class_of(peer, 1, environment),
            )
            for _ in range(rounds)
        ]
        for together, _, theirs, _ in got:
            assert abs(together["mean"] - theirs["mean"]) < 1e-3, "the two sides differ in their network input"
        size = film_file.stat().st_size / 1e6
    many, one, peers, alone = ([round_[k]["share"] for round_ in got] for k in range(4))
    counted = {"students": students, "peer_students": fitting}
    print(line("student_memory", many, peers, statistics.median(peers) / GOAL, **counted))
    print(line("student_memory_one", one, alone, statistics.median(alone) / GOAL))
    print(line("student_memory_films", [round_[0]["file"] for round_ in got], [], size, students=students))


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python benchmarks/student_memory.py"))
