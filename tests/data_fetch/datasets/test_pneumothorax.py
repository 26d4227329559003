"""fetch_pneumothorax: phantoms, NIH films, and the HDF5 files of MIT's lab in their own layout."""

from __future__ import annotations

import hashlib
import pathlib
import shutil

import h5py
import nih_mirrors
import numpy as np
import pytest
from mit_files import mit_file

from data_fetch import DataFetchError, fetch_pneumothorax
from data_fetch.sources.mit import hdf5_films as mit
from data_fetch.sources.nih.index import nih_index
from data_fetch.store import files, registry

CLASSES = ("no pneumothorax", "pneumothorax")


@pytest.fixture
def mit_mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mit"
    mit_file(folder / "files" / "pneumothorax_train.h5", 40)
    mit_file(folder / "files" / "pneumothorax_test.h5", 10, seed=1)
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(folder))
    return folder


def fetch(split, size=256):
    return fetch_pneumothorax("mit", split, size, progress=False)


# --- MIT ---


@pytest.mark.parametrize("over", ["folder", "http"])
def test_mit_films_come_with_their_labels_and_greys(mit_mirror, monkeypatch, over):
    with nih_mirrors.served(mit_mirror) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", str(mit_mirror) if over == "folder" else server.address)
        sets = {split: fetch(split) for split in ("train", "validation", "test")}
        if over == "http":
            assert [path.rpartition("/")[2] for path in server.asked if path.endswith(".h5")] == [
                "pneumothorax_train.h5",
                "pneumothorax_test.h5",
            ], "each file once"
    assert {split: len(films) for split, films in sets.items()} == {"train": 36, "validation": 4, "test": 10}
    seen = []
    for films in sets.values():
        assert films.classes == CLASSES and films.images.dtype == np.uint8 and films.masks is None
        for row, name in enumerate(films.names):
            filename, _, place = name.partition("/")
            with h5py.File(mit_mirror / "files" / filename) as file:
                assert np.array_equal(films.images[row], file["image"][int(place), :, :, 0])
                assert films.labels[row] == file["label"][int(place), 1], "index 1 means pneumothorax"
            seen.append(name)
        assert len(set(films.patients)) == len(films)
        assert "patients" in films.card["warning"] and "split" not in films.attributes
    assert len(set(seen)) == 50
    digest = hashlib.sha256((mit_mirror / "files" / "pneumothorax_test.h5").read_bytes()).hexdigest()
    assert sets["test"].card["hashes"].endswith(digest)


def test_mit_films_are_shrunk_by_areas_and_never_enlarged(mit_mirror):
    small, whole = fetch("test", 64), fetch("test")
    assert np.array_equal(small.images, whole.images[:, ::4, ::4])  # the test films are blocks of 4 x 4
    with pytest.raises(DataFetchError, match="64 to 256"):
        fetch("test", 512)
    with pytest.raises(DataFetchError, match="has no option --films"):
        fetch_pneumothorax("mit", films=100)


def test_the_first_download_is_remembered_and_compared(mit_mirror, own_cache):
    fetch("test", 64)
    kept = own_cache / "files" / "pneumothorax_test.h5"
    assert files.recorded_hash(kept) == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert files.verify_file(kept, registry.registry()["files"]["pneumothorax-mit-test"]) is None
    content = kept.read_bytes()
    kept.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataFetchError, match=r"changed since it was first fetched[\s\S]*expected: sha256[\s\S]*got"):
        fetch("test", 128)
    assert "changed" in str(files.verify_file(kept, registry.registry()["files"]["pneumothorax-mit-test"]))


def test_another_file_under_the_same_address_is_refused_until_the_hash_is_cleaned(
    mit_mirror, own_cache, data_fetch_command
):
    fetch("test", 64)
    kept = own_cache / "files" / "pneumothorax_test.h5"
    mit_file(mit_mirror / "files" / "pneumothorax_test.h5", 12, seed=2)
    kept.unlink()
    with pytest.raises(DataFetchError, match=r"does not match the registry[\s\S]*expected: sha256[\s\S]*got: +sha256"):
        fetch("test", 128)
    shown = data_fetch_command("clean", "pneumothorax-mit-test", "--yes").stdout
    assert "pneumothorax_test.h5.sha256" in shown and not files.recorded_hash(kept)
    assert len(fetch("test", 128)) == 12


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_hdf5(path):
    path.write_bytes(b"PK\x03\x04 a zip file")


def html(path):
    path.write_bytes(b"<html><head><title>Dropbox - Sign in</title></head></html>")


def other_keys(path):
    with h5py.File(path, "w") as file:
        file["images"], file["label"] = np.zeros((4, 2)), np.eye(2)


def other_shape(path):
    mit_file(path, 4, images=np.zeros((4, 1, 256, 256)))


def too_bright(path):
    mit_file(path, 4, images=np.full((4, 256, 256, 1), 65535, np.uint16))


def not_a_number(path):
    mit_file(path, 4, images=np.full((4, 256, 256, 1), np.nan))


def soft_labels(path):
    mit_file(path, 4, label=np.full((4, 2), 0.5))


def fewer_labels(path):
    mit_file(path, 4, label=np.eye(2))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, r"it is truncated \([\s\S]*got: +[\d,]+ bytes"),
        (no_hdf5, "not an HDF5 file, or it is truncated"),
        (html, "web page instead of the file[\\s\\S]*Dropbox - Sign in"),
        (other_keys, "no data set 'image'[\\s\\S]*got: +images, label"),
        (other_shape, "have a different layout[\\s\\S]*\\(4, 1, 256, 256\\)"),
        (too_bright, "out of range[\\s\\S]*65535"),
        (not_a_number, "out of range[\\s\\S]*nan"),
        (soft_labels, "not one-hot[\\s\\S]*row 0"),
        (fewer_labels, "labels do not match[\\s\\S]*\\(4, 2\\)"),
    ],
)
def test_a_wrong_file_is_named_thrown_away_and_fetched_again(mit_mirror, own_cache, tmp_path, damage, message):
    path = mit_mirror / "files" / "pneumothorax_test.h5"
    shutil.copy(path, tmp_path / "good.h5")
    damage(path)
    with pytest.raises(DataFetchError, match=message) as raised:
        fetch("test", 64)
    assert "pneumothorax_test.h5" in str(raised.value) and "run the same command again" in str(raised.value)
    assert not list((own_cache / "files").glob("*")) and not list((own_cache / "sets").glob("*"))
    shutil.copy(tmp_path / "good.h5", path)
    assert len(fetch("test", 64)) == 10


def test_a_server_that_breaks_off_leaves_no_file(mit_mirror, monkeypatch, own_cache):
    def breaks_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write((mit_mirror / "files" / "pneumothorax_test.h5").read_bytes()[:5000])
        handler.close_connection = True
        return True

    entry = registry.registry()["files"]["pneumothorax-mit-test"]
    with nih_mirrors.served(mit_mirror) as server:
        server.on_get = lambda handler: handler.path.endswith(".h5") and breaks_off(handler)
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        monkeypatch.setitem(entry, "urls", [server.address + "/files/pneumothorax_test.h5"])
        with pytest.raises(DataFetchError, match="connection ended[\\s\\S]*100,000 bytes"):
            fetch("test", 64)
        assert not list((own_cache / "files").glob("*"))
        server.on_get = lambda handler: False
        assert len(fetch("test", 64)) == 10


def test_the_layout_is_checked_without_reading_the_films(tmp_path):
    path = tmp_path / "x.h5"
    mit_file(path, 6)
    with mit.opened(path) as (images, one_hot):
        assert images.shape == (6, 256, 256, 1) and one_hot.shape == (6, 2)


# --- NIH ---


def nih_mirror(folder: pathlib.Path, positives: int = 24, negatives: int = 30) -> pathlib.Path:
    """A mirror with pneumothorax films, one of each patient, in archives under the official names."""
    index = nih_index()
    first = np.diff(index.patient[:15_000], prepend=0) > 0
    positive = index.has("Pneumothorax")[:15_000]
    rows = [*np.flatnonzero(first & positive)[:positives], *np.flatnonzero(first & ~positive)[:negatives]]
    return nih_mirrors.write_films(folder, rows)


def test_nih_films_are_balanced_and_keep_their_boxes(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(nih_mirror(tmp_path / "m")))
    index = nih_index()
    patients: dict[str, set] = {}
    total = 0
    for split in ("train", "validation", "test"):
        films = fetch_pneumothorax("nih", split, 64, progress=False)
        rows = index.rows(films.names)
        assert np.array_equal(films.labels, index.has("Pneumothorax")[rows])
        assert np.array_equal(films.patients, index.patient[rows])
        patients[split], total = set(films.patients), total + len(films)
        assert "hashes by the mirror" in films.card["films"] and films.boxes is not None
        assert "split" not in films.attributes and "fold" not in films.attributes
    assert total == 48, "as many negatives as the mirror has positives"
    assert not patients["train"] & patients["test"] and not patients["train"] & patients["validation"]
    with pytest.raises(DataFetchError, match="an even number from 64 to 9,964"):
        fetch_pneumothorax("nih", films=401)


def test_real_films_come_from_a_mirror(realdata, monkeypatch):
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(realdata / "nih" / "mirror"))
    train = fetch_pneumothorax("nih", "train", 256, progress=False)
    assert set(train.labels) == {0, 1} and train.images.shape[1:] == (256, 256)
    named = train.attributes["findings"].str.contains("Pneumothorax").to_numpy()
    assert np.array_equal(named, train.labels == 1) and len(set(train.attributes["archive"])) > 1


# --- phantoms ---


def test_each_split_of_the_phantoms_is_a_set_of_its_own(monkeypatch):
    from data_fetch.sources.phantoms import writing

    calls = []

    def write(what, split, size, folder, progress=True):
        calls.append((split, size))
        np.save(folder / "images.npy", np.zeros((4, size, size), np.uint8))
        (folder / "table.csv").write_text(
            "name,label,patient,side\na,0,1,\nb,1,2,R\nc,0,3,\nd,1,4,L\n", encoding="utf-8"
        )
        (folder / "card.toml").write_text('source = "phantom"\n', encoding="utf-8")

    monkeypatch.setattr(writing, "write", write)
    films = fetch_pneumothorax(progress=False)
    fetch_pneumothorax(progress=False)
    fetch_pneumothorax(split="test", progress=False)
    assert calls == [("train", 128), ("test", 128)] and films.card["counts"]["patients"] == 4
    assert films.attributes["side"].isna().tolist() == [True, False, True, False]
    monkeypatch.setenv("MEDXAI_PROFILE", "gpu")
    assert fetch_pneumothorax("phantom", progress=False).images.shape == (4, 256, 256)
    with pytest.raises(DataFetchError, match="one of train, validation, test"):
        fetch_pneumothorax("phantom", "develop")
