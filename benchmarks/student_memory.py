"""What 400 films of 512 x 512 pixels take of a machine's memory: one student, and ten at once.

Run: python benchmarks/student_memory.py [--students 10] [--rounds 3] [--films 400] [--size 512]      (Linux)

Every student is a process of its own that sees each film once as network input. Ours fetches the films from a filled
cache (`fetch_cardiomegaly`: mapped, uint8) and preprocesses them batch by batch. The peer does what notebooks of this kind
do: unpickle the arrays, copy them into float64 with three channels, preprocess the whole set in place (the arithmetic of
Keras's `preprocess_input`); it is spared the copies that splitting the arrays would make. TensorFlow is in neither count;
Python, NumPy and what fetching imports (pandas) are in ours. Both sides must agree on the mean of all network input.

Memory is the proportional set size (PSS: a page that k processes map counts as 1/k in each), read from
/proc/PID/smaps_rollup every 20 ms while all students are alive. The films are noise in the format of the real cache:
their pixels change no number here.

Prints one line of JSON for each measurement, medians of the rounds, in MB (1e6 bytes):

student_memory        ten students at once: the highest sum of their PSS, divided by their number. The peer runs as many
                      at once as fit into half of the free memory (`peer_students`): its pages are private, so that the
                      share of one does not depend on how many there are. limit: a twentieth of the peer's.
student_memory_one    the same for one student alone, who has nobody to share with.
student_memory_films  what all ten together have mapped of the file of films, at the highest; limit: the file once, as the
                      machine keeps it for all of them. `to_network_input` gives pages back that it has read.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

GOAL = 20
BATCH = 8  # of the gpu profile

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
# Nothing of the course pickles anything; this is the peer.
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
    """A stored set as the renderer writes it, made through `fetch_cardiomegaly`; returns its file of films."""
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
    """Bytes of a process's proportional set size; of what it maps from one file, if that is given."""
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
    """Run so many students at once; MB at the highest: a student's share, and what all have mapped of `file`."""
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
                raise RuntimeError("A student's process ended before it began (message above).")
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
                    raise RuntimeError(f"A student's process ended with status {one.returncode}: too little memory?")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film_file = fill_cache(Path(folder), options.films, options.size)
        pickled = Path(folder, "films.pickle")
        subprocess.run([sys.executable, "-c", PICKLE, str(film_file), str(pickled)], check=True)
        environment = {"DATA_FETCH_DIR": folder, "DATA_FETCH_MIRROR": "", "DATA_FETCH_REGISTRY": ""}
        ours, peer = OURS.format(size=options.size, batch=BATCH), PEER.format(path=str(pickled))
        needed = options.films * options.size**2 * 3 * 8 * 1.1 + 1e8
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        fitting = max(1, min(options.students, int(free / 2 / needed)))
        got = [
            (
                class_of(ours, options.students, environment, film_file),
                class_of(ours, 1, environment),
                class_of(peer, fitting, environment),
                class_of(peer, 1, environment),
            )
            for _ in range(options.rounds)
        ]
        for together, _, theirs, _ in got:
            assert abs(together["mean"] - theirs["mean"]) < 1e-3, "the two sides do not see the same network input"
        size = film_file.stat().st_size / 1e6
    many, one, peers, alone = ([round_[k]["share"] for round_ in got] for k in range(4))
    counted = {"students": options.students, "peer_students": fitting}
    print(line("student_memory", many, peers, statistics.median(peers) / GOAL, **counted))
    print(line("student_memory_one", one, alone, statistics.median(alone) / GOAL))
    print(line("student_memory_films", [round_[0]["file"] for round_ in got], [], size, students=options.students))


if __name__ == "__main__":
    main()
