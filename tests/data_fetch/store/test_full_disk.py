"""A full disk: reported as such, with completed sets untouched and still served."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from mit_files import mit_file
from namespaces import PYTHON, inside, small_disk

from data_fetch import fetch_cardiomegaly
from data_fetch.store.arrays import new_array
from data_fetch.store.mirror import write_mirror

GET = f"{PYTHON} -m data_fetch get"
READ = """
import data_fetch
films = data_fetch.fetch_cardiomegaly(size=64, progress=False)
print("served", len(films), int(films.images.sum()), sum(int(mask.sum()) for mask in films.masks.values()))
"""


@pytest.fixture
def source(tmp_path, packed, small_phantoms, own_cache):
    """A mirror with a small set of phantoms, NIH films and MIT's files."""
    folder = shutil.copytree(packed, tmp_path / "source")
    mit_file(folder / "files" / "pneumothorax_test.h5", 10)
    fetch_cardiomegaly(split="test", size=64, progress=False)
    films = fetch_cardiomegaly(size=64, progress=False)
    write_mirror(next((own_cache / "sets").glob("*-develop")), folder)
    return folder, films


def told_of_full_disk(text: str, where: object) -> None:
    """Every message about a full disk states what, where, expected, got and the next step."""
    assert "No space left on device" in text and str(where) in text, text
    assert re.search(
        r"expected: enough free disk space\n +got: +[\d.]+ MB free on that disk\n +next: +free some space", text
    ), text


@pytest.mark.parametrize(
    ("size", "arguments", "needs"),
    [
        pytest.param("2m", "cardiomegaly --source phantom --split test --size 128", "4.9", id="phantoms"),
        pytest.param("2m", "pneumothorax --source mit --split test --size 64", None, id="file"),
        pytest.param("3600k", "pneumothorax --source mit --split test --size 256", "0.7", id="set next to its file"),
        pytest.param("3m", "cardiomegaly --source nih --size 512", None, id="pieces of a download"),
        pytest.param("20m", "cardiomegaly --source nih --size 512", "14.7", id="NIH films next to their pieces"),
    ],
)
def test_a_full_disk_is_named_and_loses_nothing(source, tmp_path, size, arguments, needs):
    folder, films = source
    disk = tmp_path / "disk"
    script = small_disk(disk, size) + f'{PYTHON} -c "$READ"\n{GET} {arguments} || status=$?\n{PYTHON} -c "$READ"\n'
    script += f'ls -A "{disk}/sets"; ls -A "{disk}/files" 2>/dev/null || true\nexit ${{status:-0}}'
    told = inside(script, "mount", READ=READ, DATA_FETCH_DIR=disk, DATA_FETCH_MIRROR=folder)
    assert told.returncode == 1, told.stdout + told.stderr
    told_of_full_disk(told.stderr, disk)
    assert needs is None or f"images.npy needs {needs} MB" in told.stderr
    lines = told.stdout.splitlines()
    served = f"served {len(films)} {films.images.sum(dtype=int)} {sum(mask.sum() for mask in films.masks.values())}"
    assert lines.count(served) == 2, "the completed set is still served"
    left = lines[lines.index(served, 1) + 1 :]
    kept = ["pneumothorax_test.h5", "pneumothorax_test.h5.sha256"] if "256" in arguments else []
    assert [name for name in left if not name.startswith("cardiomegaly-phantom-")] == kept, "nothing incomplete"


def test_a_mirror_that_does_not_fit_is_told(source, tmp_path, own_cache):
    folder, _ = source
    disk = tmp_path / "disk"
    script = (
        small_disk(disk, "256k")
        + f'{PYTHON} -m data_fetch mirror "{disk}" cardiomegaly --size 64 || ls -A "{disk}/sets"'
    )
    told = inside(script, "mount", DATA_FETCH_DIR=own_cache, DATA_FETCH_MIRROR=folder, DATA_FETCH_SOURCE="phantom")
    assert "The mirror could not be written (No space left on device)" in told.stderr, told.stderr
    assert f"where:    {disk}" in told.stderr and "next:" in told.stderr
    assert "part" not in told.stdout


def test_room_is_taken_before_it_is_written(tmp_path):
    array = new_array(tmp_path / "images.npy", np.uint8, (100, 64, 64))
    file = (tmp_path / "images.npy").stat()
    assert array.shape == (100, 64, 64) and file.st_blocks * 512 >= 100 * 64 * 64, "not a sparse file"
