"""Ctrl-C, SIGKILL and twenty processes at the same time: no wrong data, no completed work lost or done twice."""

from __future__ import annotations

import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import nih_mirrors
import pytest
from mit_files import mit_file

from data_fetch.store import manifest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")

# The command line with a small profile: MIT's two files, NIH films from two archives, and optionally phantoms.
COMMAND = """
import sys
from data_fetch.cli import main as cli
from data_fetch.store.registry import registry
registry()["profiles"]["cpu"] = [
    {"set": "pneumothorax", "source": "mit", "splits": ["test", "train"], "size": 64},
    {"set": "cardiomegaly", "source": "nih", "splits": ["develop"], "size": 64},
] + [{"set": "pneumothorax", "source": "phantom", "splits": ["validation"], "size": 64}] * int(sys.argv.pop())
sys.argv = ["data-fetch", "get", "--all"]
cli.main()
"""


def dribble(handler) -> bool:
    """Send the large files in small pieces, so that there is time to stop in the middle of one."""
    path = pathlib.Path(handler.directory, handler.path.lstrip("/"))
    if path.suffix not in (".h5", ".gz") or not path.is_file():
        return False
    content = path.read_bytes()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    step = len(content) // 12 + 1
    try:
        for start in range(0, len(content), step):
            handler.wfile.write(content[start : start + step])
            time.sleep(0.02)
    except OSError:
        pass  # the client is gone
    return True


@pytest.fixture
def slow_server(tmp_path, packed):
    folder = shutil.copytree(packed, tmp_path / "source")
    mit_file(folder / "files" / "pneumothorax_train.h5", 16)
    mit_file(folder / "files" / "pneumothorax_test.h5", 8, seed=1)
    with nih_mirrors.served(folder) as server:
        server.on_get = dribble
        yield server


class Fetching:
    """A cache, the command that fills it, and what must hold between two runs of it."""

    def __init__(self, folder: pathlib.Path, server: nih_mirrors.Served, phantoms: bool = False) -> None:
        self.folder, self.server, self.phantoms = folder, server, phantoms
        self.finished: dict[pathlib.Path, int] = {}

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(int(self.phantoms))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            env={**os.environ, "DATA_FETCH_DIR": str(self.folder), "DATA_FETCH_MIRROR": self.server.address},
        )

    def asked_for(self) -> list[str]:
        """Names of the large files requested since the last call."""
        names = [path.rpartition("/")[2] for path in self.server.asked if path.endswith((".h5", ".gz"))]
        self.server.asked.clear()
        return names

    def check(self) -> None:
        """Everything visible is complete; completed files are unchanged and were not requested again."""
        sets = [path for path in self.folder.glob("sets/*") if not path.name.startswith(".")]
        for path in sets:
            assert manifest.verify(path) == [], path
        files = [path for path in self.folder.glob("files/*") if path.suffix == ".h5"]
        for path in files:
            served = self.server.folder / "files" / path.name
            assert path.read_bytes() == served.read_bytes() and path.with_name(path.name + ".sha256").is_file(), path
        visible = [path for path in self.folder.glob("files/*") if not path.name.startswith(".")]
        assert {path.suffix for path in visible} <= {".h5", ".sha256"}, "nothing incomplete is visible"
        for path, made in self.finished.items():
            assert path.exists() and path.stat().st_mtime_ns == made, f"{path} was lost, or made again"
        for name in self.asked_for():
            assert not any(path.name == name for path in self.finished), f"{name} was downloaded again"
            nih = any(path.parent.name.startswith("cardiomegaly-nih") for path in self.finished)
            assert not (nih and name.endswith(".gz")), "archives of a finished set were read again"
        self.finished = {path: path.stat().st_mtime_ns for path in [*files, *(one / manifest.MANIFEST for one in sets)]}

    def finish(self) -> None:
        out, err = self.communicate(self.start())
        assert "Failed" not in out and "Traceback" not in err, out + err
        self.check()
        assert len([path for path in self.finished if path.name == manifest.MANIFEST]) == 3 + self.phantoms
        left_over = [*self.folder.glob("sets/.*"), *self.folder.glob("files/.*")]
        assert not left_over, "leftovers of killed processes are gone"
        assert not [path for path in self.folder.glob("partial/**/*") if path.is_file()]

    @staticmethod
    def communicate(child: subprocess.Popen[str]) -> tuple[str, str]:
        return child.communicate(timeout=240)


def stop_at_random(
    top: pathlib.Path, server: nih_mirrors.Served, how: signal.Signals, times: int, longest: float
) -> None:
    """Start the command, stop it at a random moment, and check, until that many runs were stopped before their end."""
    rng = random.Random(int(how))
    phantoms = times > 3
    fetching = Fetching(top / "0", server, phantoms)
    stopped = started = 0
    while stopped < times:
        started += 1
        assert started < 10 * times, "it ends too early to be stopped"
        child = fetching.start()
        if how == signal.SIGINT:
            # While Python itself starts, Ctrl-C gives a traceback that no program can prevent.
            assert child.stdout.readline().startswith("Fetching everything for the profile")
            time.sleep(rng.uniform(0, longest))
        else:
            time.sleep(rng.uniform(0.2, 1.5 + longest))
        child.send_signal(how)
        out, err = fetching.communicate(child)
        fetching.check()
        if how == signal.SIGINT and child.returncode == 130:
            stopped += 1
            assert "Stopped by Ctrl-C" in err and "run the same command again" in err and "Traceback" not in err, err
            assert not list(fetching.folder.glob("sets/.*")), "Ctrl-C tidies up"
        elif how == signal.SIGKILL and child.returncode == -9:
            stopped += 1
        else:
            # Python handles a Ctrl-C during its shutdown in its own way; by then the work is done.
            assert "stored sets and files" in out, f"status {child.returncode}\n{out}{err}"
        # Start again with an empty cache when all is fetched, and sometimes earlier, so that every stage is covered.
        if "stored sets and files" in out or rng.random() < 0.2:
            fetching = Fetching(top / str(started), server, phantoms)
    fetching.finish()


@pytest.mark.sample
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_at_three_moments_and_finished(tmp_path, slow_server, how):
    stop_at_random(tmp_path, slow_server, how, times=3, longest=1.0)


@pytest.mark.slow(reason="stops twenty downloads of six seconds")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_at_twenty_moments_and_finished(tmp_path, slow_server, how):
    stop_at_random(tmp_path, slow_server, how, times=20, longest=6.0)


# --- twenty processes at the same time ---

TWENTY = """
import os, sys, time
import numpy as np
from data_fetch import fetch_cardiomegaly, fetch_cardiomegaly_biased, fetch_file, fetch_pneumothorax
from data_fetch.sources.phantoms import writing
log = sys.argv[1]

def write(what, split, size, folder, progress=True):
    with open(log, "a") as file:
        print(split, os.getpid(), file=file)
    time.sleep(0.5)
    np.save(folder / "images.npy", np.random.default_rng(7).integers(0, 256, (40, size, size), dtype=np.uint8))
    rows = "".join(f"{i}.png,{i % 2},p{i},{i // 4}\\n" for i in range(40))
    (folder / "table.csv").write_text("name,label,patient,fold\\n" + rows)
    (folder / "card.toml").write_text('source = "phantom"\\nversion = "1"\\npreprocessing = "none"\\n')

writing.write = write
start = time.time() + 1
children = []
for number in range(20):
    if not (child := os.fork()):
        time.sleep(max(0, start - time.time()))
        status = 1
        try:
            films = fetch_cardiomegaly(size=64, progress=False)
            biased = fetch_cardiomegaly_biased(split="develop", size=64, progress=False)
            mit = fetch_pneumothorax("mit", "test", 64, progress=False)
            assert fetch_file("pneumothorax-mit-train", progress=False).stat().st_size > 1000000
            nih = fetch_cardiomegaly("nih", size=64, progress=False)
            sums = [int(one.images.sum()) for one in (films, biased, mit, nih)]
            os.write(1, f"{sums}\\n".encode())
            status = 0
        finally:
            os._exit(status)
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_twenty_processes_on_an_empty_cache_fetch_and_draw_everything_once(tmp_path, slow_server):
    log = tmp_path / "drawn"
    environment = {"DATA_FETCH_DIR": str(tmp_path / "c"), "DATA_FETCH_MIRROR": slow_server.address}
    done = subprocess.run(
        [sys.executable, "-c", TWENTY, str(log)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    seen = done.stdout.splitlines()
    assert len(seen) == 20 and len(set(seen)) == 1, "all of them saw the same films"
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1, "drawn by one of them"
    asked = [path for path in slow_server.asked if path.endswith((".h5", ".gz"))]
    assert len(asked) == len(set(asked)) == 4, asked


@pytest.mark.slow(reason="starts twenty Python processes at the same time")
def test_twenty_commands_at_once_draw_the_phantoms_once(tmp_path):
    get = [sys.executable, "-m", "data_fetch", "get", "pneumothorax", "--split", "validation", "--size", "64"]
    environment = {**os.environ, "DATA_FETCH_DIR": str(tmp_path)}
    children = [
        subprocess.Popen(get, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment)
        for _ in range(20)
    ]
    told = [child.communicate(timeout=600) for child in children]
    assert [child.returncode for child in children] == [0] * 20, told
    assert sum("Drawing 200 phantom films" in err for _, err in told) == 1, "one draws, the others wait"
    assert not any("Traceback" in err for _, err in told)
    stored = list((tmp_path / "sets").iterdir())
    assert len(stored) == 1 and manifest.verify(stored[0]) == []
    assert len({hashlib.sha256(out.encode()).hexdigest() for out, _ in told}) == 1
