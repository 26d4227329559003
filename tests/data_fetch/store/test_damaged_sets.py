"""Stored sets and manifests that do not match or are damaged: handled, or refused with a message."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np
import pytest
from damage import QUICK, damaged, told
from hypothesis import given, settings
from hypothesis import strategies as st

from data_fetch import DataFetchError
from data_fetch.datasets import split_views
from data_fetch.datasets.imageset import read_stored_set
from data_fetch.store import manifest, mirror

CLASSES = ("normal", "cardiomegaly")
TABLE = "name,label,patient,fold\n" + "".join(f"{i}.png,{i % 2},p{i},{i}\n" for i in range(6))
CARD = 'source = "phantom"\nversion = "1"\n'


def write_set(folder: pathlib.Path, **parts: object) -> pathlib.Path:
    """A stored set of six films, with some of its files replaced; None omits one."""
    (folder / "masks").mkdir(parents=True)
    pixels = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
    boxes = "film,finding,x,y,width,height\n0,Nodule,1,2,3,4\n"
    files = {
        "images.npy": pixels,
        "masks/heart.npy": pixels > 9,
        "table.csv": TABLE,
        "boxes.csv": boxes,
        "card.toml": CARD,
    }
    for name, content in (files | parts).items():
        if isinstance(content, np.ndarray):
            np.save(folder / name, content)
        elif content is not None:
            (folder / name).write_text(str(content), encoding="utf-8")
    return folder


def test_a_whole_set_is_read(tmp_path):
    films = read_stored_set(write_set(tmp_path / "set"), CLASSES)
    assert len(films) == 6 and films.boxes["finding"].tolist() == ["Nodule"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"table.csv": TABLE.replace("label", "lable", 1)}, "no column label"),
        ({"table.csv": TABLE.replace("patient", "x", 1).replace("name", "y", 1)}, "no column name and no patient"),
        ({"table.csv": TABLE + "0.png,1,p0,0\n"}, "names '0.png' twice"),
        ({"table.csv": TABLE.replace("1.png,1", "1.png,one")}, "not a whole number from 0 to 1"),
        ({"table.csv": TABLE.replace("1.png,1", "1.png,2")}, "not a whole number from 0 to 1"),
        ({"table.csv": TABLE.replace("1.png,1", "1.png,")}, "a row without label"),
        ({"table.csv": TABLE.rsplit("\n", 2)[0] + "\n"}, "6 rows for 5 films"),
        ({"table.csv": None}, "No such file"),
        ({"table.csv": ""}, "No columns"),
        ({"images.npy": np.zeros((6, 8, 8), np.float32)}, r"images.npy is float32 \(6, 8, 8\)"),
        ({"images.npy": "no array"}, "pickle|magic|Cannot"),
        ({"masks/heart.npy": np.zeros((6, 8, 9), bool)}, r"heart.npy is bool \(6, 8, 9\)"),
        ({"boxes.csv": "film,finding,x,y,width\n"}, "boxes.csv has no column height"),
        ({"boxes.csv": "film,finding,x,y,width,height\n6,Nodule,1,2,3,4\n"}, "a box that is on no film"),
        ({"card.toml": "source ="}, "Invalid value"),
    ],
)
def test_a_set_that_does_not_fit_together_is_refused(tmp_path, parts, message):
    with pytest.raises(DataFetchError, match=message) as found:
        read_stored_set(write_set(tmp_path / "set-1", **parts), CLASSES)
    told(found.value)
    assert "data-fetch clean set-1 --yes" in str(found.value)


def test_a_table_without_its_splits_is_told(tmp_path):
    films = read_stored_set(write_set(tmp_path / "set", **{"table.csv": TABLE.replace("fold", "fooled")}), CLASSES)
    for of in (lambda: split_views.of_split(films, "train"), lambda: split_views.of_fold(films, "train")):
        with pytest.raises(DataFetchError, match="no column (split|fold)[\\s\\S]*data-fetch verify"):
            of()


@QUICK
@given(damaged(TABLE.encode()))
def test_a_damaged_table_is_read_or_refused(content):
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_set(pathlib.Path(temporary, "set"))
        (folder / "table.csv").write_bytes(content)
        try:
            films = read_stored_set(folder, CLASSES)
        except DataFetchError as problem:
            told(problem)
        else:
            assert len(films) == 6 and len(set(films.names)) == 6 and set(films.labels) <= {0, 1}


NAME_PARTS = st.sampled_from(["..", ".", "", "images.npy", "masks", "/etc", "C:", "a\\b", "x", "~", "\x00", "con"])
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "bytes": st.one_of(st.integers(-2, 99), st.booleans(), st.text(max_size=3)),
        "sha256": st.one_of(st.just("0" * 64), st.text(max_size=4), st.integers()),
        "extra": st.integers(),
    },
)


@settings(QUICK, max_examples=25)
@given(st.dictionaries(st.lists(NAME_PARTS, min_size=1, max_size=3).map("/".join), ENTRIES, max_size=3))
def test_the_manifest_of_a_mirror_never_leads_out_of_the_cache(files):
    from data_fetch.store import tomltext

    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        top = pathlib.Path(temporary)
        (top / "m" / "sets" / "one").mkdir(parents=True)
        (top / "m" / "sets" / "one" / manifest.MANIFEST).write_bytes(tomltext.dumps({"files": files}).encode())
        (top / "cache").mkdir()
        patch.setenv("DATA_FETCH_MIRROR", str(top / "m"))
        before = sorted(top.rglob("*"))
        with pytest.raises(DataFetchError) as found:
            mirror.copy_from_mirror("one", top / "cache")
        told(found.value)
        new = [path for path in top.rglob("*") if path not in before]
        assert all(path.is_relative_to(top / "cache") for path in new)


@QUICK
@given(st.one_of(st.binary(max_size=80), damaged(b'[files."images.npy"]\nbytes = 3\nsha256 = "' + b"0" * 64 + b'"\n')))
def test_any_bytes_are_a_manifest_or_none(content):
    try:
        files = manifest.checked_manifest(content)
    except ValueError:
        return
    assert all(entry["bytes"] >= 0 and len(entry["sha256"]) == 64 for entry in files.values())
