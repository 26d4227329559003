"""How fast films are extracted from NIH archives, compared with the usual approach and with only reading and unzipping.

Run: MEDXAI_REALDATA=FOLDER python benchmarks/nih_stream.py [--rounds 3] [--archives 4] [--films 500] [--at-once 3]

FOLDER contains nih/mirror, as for the tests. Its real films are repacked under other official names until the archives
are large enough to time; a server in a separate process serves them on this machine, so that the network is not the
bottleneck. Prints one line of JSON per measurement, with medians over the rounds:

nih_stream               6 % of the films are wanted, as for 2,000 films of pneumothorax from four archives.
nih_stream_cardiomegaly  14 % are wanted, as for the 700 films of cardiomegaly from the first archive.
nih_stream_line          the same, from a server that sends 118 MB/s in total, the speed of a 1 Gbit/s connection.
nih_stream_all           all are wanted, as from a small mirror: then most of the work is decoding.

ours    `data_fetch.transfer.archives.take_films` in its own process, as with the official archives: every archive is read
        to its end, and its MD5 is verified.
peer    the usual approach: curl all archives to disk, tar xzf, then open, resize and save the wanted films with Pillow.
limit   the archives are read and unzipped with zlib, and the data discarded: as many archives at the same time as ours,
        each in its own process, without the start of Python. Nothing is hashed, so no program that verifies an MD5 can
        be as fast.

Each line also has: gzip and ratio_gzip (the same with `curl | gzip -dc`, which unzips half as fast as zlib), peak_mb
(memory of our process), kept_mb (disk space that ours uses), peer_disk_mb (disk space of the usual approach), megabytes
(archives).

Without a slow connection, the limit keeps every core busy with unzipping alone, while ours has more to do: the MD5 takes
about two thirds of the time of zlib, and a wanted film takes about 20 times as long to decode as to unzip. So on two
cores, resizing does not keep up with zlib from 6 % on; nih_stream_line shows whether it does at 1 Gbit/s.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import typer

from data_fetch import command_line
from data_fetch.sources.nih.index import nih_index
from data_fetch.transfer.archives import AT_ONCE

SIZE = 512
# Share of the films that is wanted, and the server's speed in MB/s (0: unlimited).
CASES = {
    "nih_stream": (0.06, 0),
    "nih_stream_cardiomegaly": (0.14, 0),
    "nih_stream_line": (0.14, 118),
    "nih_stream_all": (1.0, 0),
}

SERVE = """
import functools, http.server, sys, threading, time
rate, lock, due = float(sys.argv[2]) * 1e6, threading.Lock(), 0.0
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments): pass
    def copyfile(self, source, out):
        global due
        self.wfile.flush()
        if not rate:
            self.connection.sendfile(source)
        while data := source.read(1 << 17) if rate else b"":
            with lock:
                due = max(due, time.monotonic()) + len(data) / rate
                wait = due - time.monotonic()
            time.sleep(max(0, wait))
            out.write(data)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
"""
OURS = """
import json, pathlib, sys, time
from data_fetch.transfer.archives import Archive, take_films
task = json.load(open(sys.argv[1]))
started = time.perf_counter()
take_films([Archive(**one) for one in task["archives"]], pathlib.Path(task["folder"]), task["size"],
           at_once=task["at_once"])
seconds = time.perf_counter() - started
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1000)
"""
LIMIT = """
import sys, time, urllib.request, zlib
started = time.monotonic()
for address in sys.argv[1:]:
    with urllib.request.urlopen(address) as answer:
        unzip, buffer = zlib.decompressobj(wbits=31), memoryview(bytearray(1 << 18))
        while read := answer.readinto(buffer):
            rest = buffer[:read]
            while rest:
                unzip.decompress(rest, 1 << 19)
                rest = unzip.unconsumed_tail
print(started, time.monotonic())
"""
GZIP = 'for address in "$@"; do curl -sSf "$address" | gzip -dc > /dev/null || exit 1; done'
PEER = """
import pathlib, sys
import numpy as np
from PIL import Image
folder, out, size = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
out.mkdir()
for name in sys.stdin.read().split():
    image = Image.open(folder / "images" / name).convert("L").resize((size, size), Image.Resampling.BOX)
    np.save(out / name, np.asarray(image))
"""


def real_films(mirror: pathlib.Path) -> list[bytes]:
    """Every film in the mirror's archives, as stored."""
    films = []
    for path in sorted(mirror.glob("*.tar.gz")):
        with tarfile.open(path) as tar:
            films += [tar.extractfile(member).read() for member in tar if member.isfile()]  # type: ignore[union-attr]
    return films


def pack(folder: pathlib.Path, films: list[bytes], archives: int, count: int) -> dict[str, tuple[list[str], str]]:
    """Archives under official names, each with its first `count` official film names; name -> (films, md5)."""
    index = nih_index()
    archive_of = index.archives(np.arange(len(index)))
    packed = {}
    for number, name in enumerate(np.unique(archive_of)[:archives]):
        names = index.names(np.flatnonzero(archive_of == name)[:count])
        with tarfile.open(folder / name, "w:gz", compresslevel=6) as tar:
            for place, film in enumerate(names):
                content = films[(place + 37 * number) % len(films)]
                member = tarfile.TarInfo(f"images/{film}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        with open(folder / name, "rb") as file:
            packed[str(name)] = (list(names), hashlib.file_digest(file, "md5").hexdigest())
    return packed


@contextlib.contextmanager
def served(folder: pathlib.Path, rate: float) -> Iterator[str]:
    """Serves a folder from another process and yields the address; rate: MB/s, or 0."""
    command = [sys.executable, "-c", SERVE, str(folder), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


def size_of(folder: pathlib.Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def ours(address: str, wanted: dict[str, list[str]], md5: dict[str, str], work: pathlib.Path, at_once: int):
    """Seconds, peak memory in MB and bytes on disk of `take_films`; its folder is kept for the comparison."""
    folder = work / "ours"
    archives = [
        {"name": name, "address": f"{address}/{name}", "wanted": dict.fromkeys(films), "md5": md5[name]}
        for name, films in wanted.items()
    ]
    task = work / "task.json"
    task.write_text(
        json.dumps({"archives": archives, "folder": str(folder), "size": SIZE, "at_once": at_once}), encoding="utf-8"
    )
    done = subprocess.run([sys.executable, "-c", OURS, str(task)], check=True, capture_output=True, encoding="utf-8")
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak, size_of(folder)


def peer(address: str, wanted: dict[str, list[str]], work: pathlib.Path):
    """Seconds and bytes on disk of the usual approach."""
    folder = work / "peer"
    folder.mkdir()
    started = time.perf_counter()
    for name in wanted:
        subprocess.run(["curl", "-sSf", "-o", folder / name, f"{address}/{name}"], check=True)
    for name in wanted:
        subprocess.run(["tar", "xzf", name], cwd=folder, check=True)
    names = "\n".join(film for films in wanted.values() for film in films)
    subprocess.run(
        [sys.executable, "-c", PEER, folder, folder / "films", str(SIZE)], input=names, encoding="utf-8", check=True
    )
    return time.perf_counter() - started, size_of(folder)


def limit(address: str, archives: list[str], at_once: int) -> tuple[float, float]:
    """Seconds to unzip all archives with as many processes as ours reads archives at once: with zlib, and with gzip."""
    shares = [[f"{address}/{name}" for name in archives[first::at_once]] for first in range(at_once)]

    def together(*command: str) -> list[str]:
        running = [
            subprocess.Popen([*command, *share], stdout=subprocess.PIPE, encoding="utf-8") for share in shares if share
        ]
        told = [process.communicate()[0] for process in running]
        if any(process.returncode for process in running):
            raise SystemExit("the server could not be read")
        return told

    times = [tuple(map(float, told.split())) for told in together(sys.executable, "-c", LIMIT)]
    started = time.perf_counter()
    together("bash", "-o", "pipefail", "-c", GZIP, "gzip")
    return max(end for _, end in times) - min(start for start, _ in times), time.perf_counter() - started


def same_films(wanted: dict[str, list[str]], work: pathlib.Path) -> None:
    """Asserts that both approaches produced the same images."""
    for archive, films in wanted.items():
        for film in films:
            one, other = np.load(work / "ours" / archive / f"{film}.npy"), np.load(work / "peer/films" / f"{film}.npy")
            assert np.abs(one.astype(int) - other).max() <= 1, film


def main(
    rounds: int = 3,
    archives: int = 4,
    films: Annotated[int, typer.Option(help="Films per archive.")] = 500,
    at_once: Annotated[int, typer.Option(help="Archives to read at the same time.")] = AT_ONCE,
    version: command_line.Version = False,
) -> None:
    if "MEDXAI_REALDATA" not in os.environ:
        raise SystemExit("set MEDXAI_REALDATA to a folder that contains nih/mirror")
    available = real_films(pathlib.Path(os.environ["MEDXAI_REALDATA"]) / "nih" / "mirror")
    with tempfile.TemporaryDirectory() as made:
        served_folder = pathlib.Path(made, "server")
        served_folder.mkdir()
        packed = pack(served_folder, available, archives, films)
        md5 = {name: one[1] for name, one in packed.items()}
        megabytes = size_of(served_folder) / 1e6
        for name, (share, rate) in CASES.items():
            rng = np.random.default_rng(1)
            wanted = {
                archive: sorted(rng.choice(held, max(1, round(share * len(held))), replace=False).tolist())
                for archive, (held, _) in packed.items()
            }
            measured = []
            with served(served_folder, rate) as address:
                for _ in range(rounds):
                    work = pathlib.Path(tempfile.mkdtemp(dir=made))
                    bounds = limit(address, list(packed), at_once)
                    mine, other = ours(address, wanted, md5, work, at_once), peer(address, wanted, work)
                    same_films(wanted, work)
                    measured.append((*mine, *other, *bounds))
                    shutil.rmtree(work)
            seconds, peak, kept, usual, disk, bound, gzip = map(statistics.median, zip(*measured, strict=True))
            row = {"name": name, "ours": seconds, "peer": usual, "limit": bound}
            row |= {"ratio_peer": usual / seconds, "ratio_limit": seconds / bound}
            row |= {"gzip": gzip, "ratio_gzip": seconds / gzip}
            row |= {"peak_mb": peak, "kept_mb": kept / 1e6, "peer_disk_mb": disk / 1e6, "megabytes": megabytes}
            print(
                json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()} | {"unit": "s"})
            )


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python benchmarks/nih_stream.py"))
