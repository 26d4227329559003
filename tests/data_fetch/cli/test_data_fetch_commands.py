"""The command line as in real use: its own process, text and never a traceback."""

from __future__ import annotations

import csv
import hashlib
import io

import nih_mirrors
import numpy as np
import pytest

import data_fetch
from data_fetch import DataFetchError, fetch_cardiomegaly
from data_fetch.store import registry


def test_get_verify_where_clean(mirror, own_cache, data_fetch_command):
    get = ["get", "cardiomegaly", "--source", "nih", "--size", "64"]
    shown = data_fetch_command(*get).stdout
    assert "of 400, hashes by the mirror" in shown and "licence" in shown
    assert "v1-64-mirror" in data_fetch_command("list").stdout
    assert "good" in data_fetch_command("verify").stdout
    images = next(own_cache.glob("sets/*/images.npy"))
    assert str(own_cache) in data_fetch_command("where").stdout

    with images.open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)[0]
        file.seek(5000)
        file.write(bytes([byte ^ 1]))
    assert "hashes by" in data_fetch_command(*get).stdout, "loading does not hash"
    told = data_fetch_command("verify", "cardiomegaly", status=1).stderr
    assert str(images) in told and "expected: sha256" in told and "data-fetch clean" in told

    told = data_fetch_command("clean", status=1)
    assert "nothing was deleted" in told.stderr and images.is_file(), "a script must say --yes"
    shown = data_fetch_command("clean", images.parent.name, "--yes").stdout
    assert "Freed" in shown and not images.exists()
    assert "Nothing to free" in data_fetch_command("clean").stdout
    data_fetch_command(*get)
    assert "good" in data_fetch_command("verify").stdout


def test_the_plan_is_printed_without_a_download(data_fetch_command, own_cache):
    done = data_fetch_command("get", "cardiomegaly", "--source", "nih", "--plan", DATA_FETCH_OFFLINE="1")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 700 and {row["archive"] for row in rows} == {"images_001.tar.gz"}
    assert sum("Cardiomegaly" in row["findings"] for row in rows if row["split"] == "test") == 100
    assert "fe8ed0a6961412fddcbb3603c11b3698" in done.stderr
    assert not own_cache.exists()


def test_the_plan_says_which_archives_a_number_of_films_needs(data_fetch_command):
    done = data_fetch_command("get", "pneumothorax", "--source", "nih", "--films", "1000", "--plan")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 1000 and sum("Pneumothorax" in row["findings"] for row in rows) == 500
    assert {row["archive"] for row in rows} == {"images_001.tar.gz", "images_002.tar.gz"}
    shown = data_fetch_command("list").stdout
    assert "cardiomegaly_biased" in shown and "--source mit" in shown and "pneumothorax-mit-train" in shown


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["get", "cardiomegly"], {}, "Did you mean 'cardiomegaly'"),
        (["get", "cardiomegaly", "--source", "nhi"], {}, "Did you mean 'nih'"),
        (["get", "cardiomegaly"], {"DATA_FETCH_SOURCE": "phantoms"}, "Did you mean 'phantom'"),
        (["get", "cardiomegaly", "--size", "9999"], {}, "from 64 to 1024"),
        (["get", "cardiomegaly_biased", "--cue", "tga"], {}, "Did you mean 'tag'"),
        (["get", "cardiomegaly", "--cue", "tag"], {}, "no option --cue"),
        (["get", "pneumothorax", "--films", "400"], {}, "no option --films"),
        (["get", "pneumothorax", "--source", "nih", "--films", "401"], {}, "an even number from 64 to 9,964"),
        (["get", "pneumothorax", "--source", "mit"], {"DATA_FETCH_OFFLINE": "1"}, "DATA_FETCH_OFFLINE"),
        (["get", "cardiomegaly"], {"DATA_FETCH_SOURCE": "mit"}, "one of phantom, nih"),
        (["where"], {"MEDXAI_PROFILE": "gup"}, "Did you mean 'gpu'"),
        (["where"], {"DATA_FETCH_OFFLINE": "maybe"}, "neither on nor off"),
        (["where"], {"DATA_FETCH_MIRROR": "no/such/folder"}, "mirror does not exist"),
        (["verify", "cardiomegly"], {}, "Did you mean 'cardiomegaly'"),
        (["get", "cardiomegaly", "--source", "nih"], {"DATA_FETCH_OFFLINE": "1"}, "DATA_FETCH_OFFLINE"),
        (["get", "vgg16-imagenet"], {"DATA_FETCH_OFFLINE": "1"}, "DATA_FETCH_OFFLINE"),
        (["get", "cardiomegaly"], {"DATA_FETCH_DIR": "/proc/none"}, "DATA_FETCH_DIR"),
    ],
)
def test_mistakes_are_told_as_text(data_fetch_command, arguments, environment, message):
    assert message in data_fetch_command(*arguments, status=1, **environment).stderr


def test_an_unknown_command_suggests_the_nearest(data_fetch_command):
    assert "verify" in data_fetch_command("verfy", status=2).stderr


def test_a_mirror_serves_machines_without_the_source(mirror, tmp_path, monkeypatch, data_fetch_command):
    made = tmp_path / "made"
    options = ["--source", "nih", "--size", "64"]
    data_fetch_command("mirror", str(made), "cardiomegaly", *options)
    shown = data_fetch_command("mirror", str(made), *options).stdout
    assert "already there" in shown and "written: cardiomegaly_biased-nih" in shown
    assert "pneumothorax: skipped. Pneumothorax cannot be learned from this mirror" in shown
    original = fetch_cardiomegaly("nih", size=64, progress=False)
    with nih_mirrors.served(made) as server:
        for address in (str(made), server.address):
            elsewhere = tmp_path / f"elsewhere-{len(address)}"
            monkeypatch.setenv("DATA_FETCH_MIRROR", address)
            films = fetch_cardiomegaly("nih", size=64, cache_dir=elsewhere, progress=False)
            assert np.array_equal(films.images, original.images) and dict(films.card) == dict(original.card)
    path = next(made.glob("sets/cardiomegaly-nih*/images.npy"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(made))
    with pytest.raises(DataFetchError, match="does not match its manifest"):
        fetch_cardiomegaly("nih", size=64, cache_dir=tmp_path / "third", progress=False)
    assert not list((tmp_path / "third" / "sets").iterdir())


def test_phantoms_come_from_a_mirror_or_are_rendered(small_phantoms, tmp_path, monkeypatch):
    from data_fetch.datasets.cardiomegaly import CARDIOMEGALY
    from data_fetch.store.mirror import write_mirror

    write_mirror(
        CARDIOMEGALY.stored_folders(CARDIOMEGALY.source("phantom", progress=False), "develop", 64)[0], tmp_path / "made"
    )
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(tmp_path / "made"))
    fetch_cardiomegaly(size=64, cache_dir=tmp_path / "b", progress=False)
    assert len(small_phantoms) == 1, "copied, not rendered again"
    monkeypatch.setenv("DATA_FETCH_MIRROR", "http://127.0.0.1:9")
    fetch_cardiomegaly(size=64, cache_dir=tmp_path / "c", progress=False)
    assert len(small_phantoms) == 2, "a mirror that is down does not stop a class"


def test_a_single_file_is_fetched_verified_and_found_again(tmp_path, monkeypatch, own_cache):
    (tmp_path / "m" / "files").mkdir(parents=True)
    (tmp_path / "m" / "files" / "weights.h5").write_bytes(b"weights")
    entry = {
        "title": "test",
        "filename": "weights.h5",
        "urls": ["http://127.0.0.1:9/weights.h5"],
        "md5": hashlib.md5(b"weights").hexdigest(),
        "bytes": 7,
    }
    monkeypatch.setitem(registry.registry()["files"], "weights", entry)
    with pytest.raises(DataFetchError, match="connection refused"):
        data_fetch.fetch_file("weights", progress=False)
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(tmp_path / "m"))
    path = data_fetch.fetch_file("weights", progress=False)
    assert path.read_bytes() == b"weights" and path.is_relative_to(own_cache)
    (tmp_path / "m" / "files" / "weights.h5").write_bytes(b"others!")
    assert data_fetch.fetch_file("weights", progress=False) == path, "the cached file is good"
    path.write_bytes(b"damaged")
    with pytest.raises(DataFetchError, match=r"expected: md5 [0-9a-f]{32}[\s\S]*got: +md5"):
        data_fetch.fetch_file("weights", progress=False)
