from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

import filelock
import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import nih_mirrors

from data_fetch.store.cache import cache_folder
from data_fetch.transfer import retrying_stream

USERS_CACHE = cache_folder()  # where notebooks keep what they draw


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test has its own cache, and none of the user's settings."""
    for name in list(os.environ):
        if name.startswith("DATA_FETCH_") or name == "MEDXAI_PROFILE":
            monkeypatch.delenv(name)
    monkeypatch.setattr(retrying_stream, "PAUSE", 0.0)
    cache = tmp_path / "cache"
    monkeypatch.setenv("DATA_FETCH_DIR", str(cache))
    return cache


@pytest.fixture(scope="session")
def once_a_run(tmp_path_factory) -> Callable[[str, Callable[[pathlib.Path], object]], pathlib.Path]:
    """A folder filled once per run, by whichever worker needs it first: once_a_run(name, fill)."""
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent

    def folder(name: str, fill: Callable[[pathlib.Path], object]) -> pathlib.Path:
        with filelock.FileLock(top / f"{name}.lock"):
            if not (top / name).is_dir():
                part = tmp_path_factory.mktemp(name)
                fill(part)
                part.rename(top / name)
        return top / name

    return folder


@pytest.fixture
def drawn_for_notebooks(own_cache):
    """The test's cache, with the phantoms that the tests of the notebooks, or the user, have drawn before."""
    for stored_set in USERS_CACHE.glob("sets/*-phantom-*"):
        shutil.copytree(stored_set, own_cache / "sets" / stored_set.name)
    return own_cache


@pytest.fixture(scope="session")
def packed(once_a_run):
    """A small mirror, shared by the tests; they must not write into it."""
    return once_a_run("packed", nih_mirrors.write_mirror)


@pytest.fixture
def mirror(packed, monkeypatch):
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(packed))
    return packed


@pytest.fixture
def data_fetch_command(root):
    """Run ``data-fetch`` as its own process, and fail if it ever shows a traceback."""

    def run(*arguments: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "data_fetch", *arguments],
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            cwd=root,
            env={**os.environ, **environment},
            timeout=120,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def small_phantoms(monkeypatch):
    """Stand-in for the renderer, which has its own tests: 40 films at a time, and a list of the calls."""
    from data_fetch.sources.phantoms import writing

    calls = []

    def write(what, split, size, folder, progress=True):
        calls.append((split, size))
        rng = np.random.default_rng(len(split))
        np.save(folder / "images.npy", rng.integers(0, 256, (40, size, size), dtype=np.uint8))
        (folder / "masks").mkdir()
        for name in ("heart", "lungs"):
            np.save(folder / "masks" / f"{name}.npy", rng.random((40, size, size)) > 0.5)
        lines = ["name,label,patient,view,marker,fold"]
        lines += [
            f"{split}-{i:02d}.png,{int(i % 4 == 0)},p{i // 2:03d},PA,{'NA' if i else ''},{i // 4}" for i in range(40)
        ]
        (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "card.toml").write_text(
            f'source = "phantom"\nsplit = "{split}"\nversion = "1"\npreprocessing = "none"\nlicence = "none"\n',
            encoding="utf-8",
        )

    monkeypatch.setattr(writing, "write", write)
    return calls
