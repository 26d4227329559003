"""NIH ChestX-ray14: the index, and films streamed from archives: real ones, and packed ones that are always available."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time

import nih_mirrors
import numpy as np
import pytest
from PIL import Image

from data_fetch import DataFetchError, fetch_cardiomegaly
from data_fetch.sources.nih import make_index
from data_fetch.sources.nih.cardiomegaly import choose_cardiomegaly
from data_fetch.sources.nih.index import nih_index
from data_fetch.sources.nih.origin import Origin
from data_fetch.store import registry
from data_fetch.transfer import decoding


def fetch(split="develop", size=64):
    return fetch_cardiomegaly("nih", split, size, progress=False)


def both_splits(size=64):
    return [fetch(split, size) for split in ("develop", "test")]


# --- the index ---


def test_the_index_knows_the_whole_data_set():
    index = nih_index()
    assert len(index) == 112_120 and len(np.unique(index.patient)) == 30_805 and len(index.box_film) == 984
    assert {name: index.has(name).sum() for name in ("Cardiomegaly", "Pneumothorax", "No Finding")} == {
        "Cardiomegaly": 2776,
        "Pneumothorax": 5302,
        "No Finding": 60361,
    }
    archives, counts = np.unique(index.archives(np.arange(len(index))), return_counts=True)
    stated = registry.registry()["archives"]["nih"]
    assert dict(zip(archives.tolist(), counts.tolist(), strict=True)) == {k: v["films"] for k, v in stated.items()}
    assert "Wang" in index.notice and "nihcc.app.box.com" in index.notice
    assert index.rows(["00000001_002.png", "00000001_999.png", "../etc"]).tolist() == [2, -1, -1]
    assert (make_index.OUTPUT).stat().st_size < 1_000_000


def test_the_index_is_what_its_script_makes_of_the_official_tables(realdata):
    made = make_index.columns(*make_index.read_tables(realdata / "nih"))
    with np.load(make_index.OUTPUT) as stored:
        assert set(stored.files) == set(made)
        for name, column in made.items():
            assert np.array_equal(stored[name], column), name


def test_boxes_and_spacing_scale_with_the_film():
    index = nih_index()
    row = index.rows(["00013118_008.png"])  # "Atelectasis,225.08,547.02,86.78,79.19" in the official table
    box = index.boxes(row, 512).iloc[0]
    assert box["finding"] == "Atelectasis"
    assert box[["x", "y", "width", "height"]].tolist() == pytest.approx([112.54, 273.51, 43.39, 39.60], abs=0.01)
    small, large = index.attributes(row, 256)["spacing_mm"][0], index.attributes(row, 1024)["spacing_mm"][0]
    assert small == pytest.approx(4 * large, rel=1e-4) and 0.1 < large < 0.6


# --- real films ---


def test_real_films_have_the_right_labels_patients_and_pixels(realdata, monkeypatch, own_cache, tmp_path):
    folder = realdata / "nih" / "mirror"
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(folder))
    develop, test = both_splits(size=256)
    with nih_mirrors.served(folder) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        over_http = fetch_cardiomegaly("nih", size=256, cache_dir=tmp_path / "http", progress=False)
    assert "/images_001.tar.gz" in server.asked and np.array_equal(over_http.images, develop.images)
    with (folder / "manifest.csv").open() as file:
        stated = {row["image_index"]: row for row in csv.DictReader(file)}
    published = {}
    for path in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile():
                    published[member.name.split("/")[-1]] = tar.extractfile(member).read()
    modes = set()
    for films in (develop, test):
        for i, name in enumerate(films.names):
            row = stated[name]
            assert films.labels[i] == ("Cardiomegaly" in row["finding_labels"])
            assert films.patients[i] == int(row["patient_id"])
            assert films.attributes["view"][i] == row["view"]
            assert films.attributes["findings"][i] == row["finding_labels"]
            assert films.attributes["archive"][i] == row["archive"]
            modes.add(row["mode"])
            pixels = np.asarray(Image.open(io.BytesIO(published[name])))
            grey = pixels[..., 0] if pixels.ndim == 3 else pixels
            mean = grey.reshape(256, 4, 256, 4).mean(axis=(1, 3))
            assert np.abs(films.images[i] - mean).max() <= 1, name
    assert modes == {"L", "RGBA"}
    assert len(develop) + len(test) > 180 and not set(develop.patients) & set(test.patients)
    assert develop.card["films"].startswith(f"{len(develop)} of 400, hashes by the mirror")
    assert sorted(set(develop.attributes["fold"])) == list(range(10))
    with (realdata / "nih" / "BBox_List_2017.csv").open() as file:
        drawn = [row for row in list(csv.reader(file))[1:] if row[0] in set(develop.names)]
    got = [[develop.names[b.film], b.x * 4, b.y * 4, b.width * 4, b.height * 4] for b in develop.boxes.itertuples()]
    assert len(drawn) > 0 and sorted(got) == sorted(
        [row[0], *(pytest.approx(float(value)) for value in row[2:6])] for row in drawn
    )
    assert not list((own_cache / "partial").iterdir()), "pieces are gone once the set is complete"


# --- packed films: the same path, always tested ---


@pytest.mark.parametrize("over", ["folder", "http"])
def test_packed_films_of_every_pixel_format(packed, monkeypatch, over):
    with nih_mirrors.served(packed) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", str(packed) if over == "folder" else server.address)
        develop, test = both_splits(size=nih_mirrors.PIXELS)
    index = nih_index()
    names = [*develop.names, *test.names]
    rows = index.rows(names)
    expected = np.stack([nih_mirrors.grey_film(row) for row in rows])
    assert np.array_equal(np.concatenate([develop.images, test.images]), expected)
    assert np.array_equal(np.concatenate([develop.labels, test.labels]), index.has("Cardiomegaly")[rows])
    assert np.array_equal(np.concatenate([develop.patients, test.patients]), index.patient[rows])
    assert set(develop.labels) == set(test.labels) == {0, 1}
    assert "fold" in develop.attributes and "fold" not in test.attributes
    assert "4 normals show another finding" in develop.card["rule"]


def test_decoding_keeps_16_bit_greys_and_refuses_what_is_no_film():
    deep = np.linspace(0, 65535, 128 * 128).reshape(128, 128).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(deep).save(buffer, "PNG")
    film = decoding.decode_film(buffer.getvalue(), 64, "deep.png")
    assert np.abs(film - deep.reshape(64, 2, 64, 2).mean(axis=(1, 3)) / 257).max() <= 1
    buffer = io.BytesIO()
    Image.new("L", (128, 100)).save(buffer, "PNG")
    with pytest.raises(DataFetchError, match="wide.png[\\s\\S]*128 x 100 pixels"):
        decoding.decode_film(buffer.getvalue(), 64, "wide.png")
    with pytest.raises(DataFetchError, match="cannot be decoded"):
        decoding.decode_film(nih_mirrors.png(1)[:2000], 64, "short.png")


def test_a_set_in_the_cache_needs_no_server(packed, monkeypatch):
    with nih_mirrors.served(packed) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        online = fetch()
    for _ in range(2):
        assert np.array_equal(fetch().images, online.images)
        monkeypatch.setenv("DATA_FETCH_OFFLINE", "1")
    with pytest.raises(DataFetchError, match=r"network is disabled \(DATA_FETCH_OFFLINE\)"):
        fetch(size=96)


def test_a_copy_of_the_official_archives_must_have_their_hash(tmp_path, monkeypatch, own_cache):
    rows = np.sort(choose_cardiomegaly(Origin("official", None)).rows)
    md5 = nih_mirrors.write_official_copy(tmp_path / "copy", rows)
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(tmp_path / "copy"))
    real = registry.registry()["archives"]["nih"]["images_001.tar.gz"]["md5"]
    with pytest.raises(DataFetchError, match=f"were deleted[\\s\\S]*expected: md5 {real}[\\s\\S]*got: +md5 {md5}"):
        fetch()
    assert not list(own_cache.rglob("*.npy")), "nothing of an unconfirmed archive is kept"
    monkeypatch.setitem(registry.registry()["archives"]["nih"]["images_001.tar.gz"], "md5", md5)
    develop, test = both_splits()
    assert (len(develop), develop.labels.sum(), len(test), test.labels.sum()) == (400, 48, 300, 100)
    assert develop.card["films"].startswith("400 of 400, hashes by the NIH")


def test_a_mirror_too_small_to_test_on_still_gives_films_to_learn_from(tmp_path, monkeypatch):
    monkeypatch.setenv(
        "DATA_FETCH_MIRROR", str(nih_mirrors.write_mirror(tmp_path / "m", positives=2, normals=8, others=0))
    )
    assert set(fetch().labels) == {0, 1}
    with pytest.raises(DataFetchError, match="test split would lack a class"):
        fetch("test")
    monkeypatch.setenv(
        "DATA_FETCH_MIRROR", str(nih_mirrors.write_mirror(tmp_path / "n", positives=0, normals=8, others=2))
    )
    with pytest.raises(DataFetchError, match="development split would lack a class"):
        fetch()


# --- failures ---


def damage_truncate(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_bits(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def damage_html(path: pathlib.Path) -> None:
    path.write_text(
        "<!DOCTYPE html><html><head><title>Box | Login</title></head><body>Sign in</body></html>", encoding="utf-8"
    )


def damage_other_file(path: pathlib.Path) -> None:
    path.write_bytes(b"PK\x03\x04 a zip file")


def damage_empty(path: pathlib.Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_truncate, "truncated or corrupted"),
        (damage_bits, "truncated or corrupted|does not match the manifest|cannot be decoded"),
        (damage_html, "web page instead of the file[\\s\\S]*Box | Login"),
        (damage_other_file, "not a gzipped archive[\\s\\S]*50 4b 03 04"),
        (damage_empty, "not a gzipped archive[\\s\\S]*an empty file"),
        (pathlib.Path.unlink, "There is no such file"),
    ],
)
def test_a_damaged_archive_is_named_and_the_films_of_the_others_are_kept(
    packed, tmp_path, monkeypatch, own_cache, damage, message
):
    broken = shutil.copytree(packed, tmp_path / "broken")
    damage(broken / "images_002.tar.gz")
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(broken))
    with pytest.raises(DataFetchError, match=message) as raised:
        fetch()
    assert "images_002.tar.gz" in str(raised.value)
    assert len(list(own_cache.rglob("images_001.tar.gz/*.npy"))) > 20, "confirmed films are kept for the next run"
    assert not list((own_cache / "sets").iterdir())
    (broken / "images_001.tar.gz").unlink()  # not needed again
    shutil.copy(packed / "images_002.tar.gz", broken)
    with pytest.raises(IndexError):
        fetch().subset([1000])
    assert fetch().images.any(axis=(1, 2)).all()


def test_a_film_with_a_wrong_hash_throws_its_archive_away(packed, tmp_path, monkeypatch, own_cache):
    folder = shutil.copytree(packed, tmp_path / "changed")
    with tarfile.open(folder / "images_002.tar.gz") as tar:
        films = {m.name.split("/")[1]: tar.extractfile(m).read() for m in tar if m.isfile()}
    last = sorted(films)[-1]
    changed = hashlib.md5(nih_mirrors.png(99)).hexdigest()
    expected = hashlib.md5(films[last]).hexdigest()
    nih_mirrors.pack(folder / "images_002.tar.gz", {**films, last: nih_mirrors.png(99)})
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(folder))
    with pytest.raises(DataFetchError, match=f"{last}[\\s\\S]*expected: md5 {expected}[\\s\\S]*got: +md5 {changed}"):
        fetch()
    assert not list(own_cache.rglob("images_002.tar.gz/*.npy"))


def test_an_archive_that_lacks_a_film_names_it(packed, tmp_path, monkeypatch):
    folder = shutil.copytree(packed, tmp_path / "short")
    with tarfile.open(folder / "images_002.tar.gz") as tar:
        films = {m.name.split("/")[1]: tar.extractfile(m).read() for m in tar if m.isfile()}
    wanted = {name for a in choose_cardiomegaly(_source(folder)).archives for name in a.wanted}
    gone = sorted(set(films) & wanted)[3]
    nih_mirrors.pack(folder / "images_002.tar.gz", {k: v for k, v in films.items() if k != gone})
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(folder))
    with pytest.raises(DataFetchError, match=f"lacks 1 of the[\\s\\S]*{gone}"):
        fetch()


def _source(folder):
    return Origin("mirror-test", str(folder), (folder / "manifest.csv").read_bytes())


def _answer(status, headers, body, then_close=True):
    def on_get(handler):
        if "images_" not in handler.path:
            return False
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = then_close
        return True

    return on_get


@pytest.mark.parametrize(
    ("on_get", "message"),
    [
        (_answer(404, {}, b""), "no such file[\\s\\S]*HTTP 404"),
        (_answer(403, {}, b""), "refused to send[\\s\\S]*HTTP 403"),
        (_answer(200, {"Content-Type": "text/html"}, b"\n<html><title>Hotel wifi</title>"), "web page[\\s\\S]*Hotel wifi"),
        (_answer(200, {"Content-Length": "5000"}, b"\x1f\x8b\x08\x00"), "connection ended[\\s\\S]*5,000 bytes[\\s\\S]*4 bytes"),
    ],
)  # fmt: skip
def test_a_server_that_misbehaves(packed, monkeypatch, on_get, message):
    with nih_mirrors.served(packed) as server:
        server.on_get = on_get
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        with pytest.raises(DataFetchError, match=message):
            fetch()


def test_a_server_that_wants_to_be_left_alone_is_told_on_the_command_line(packed, data_fetch_command):
    with nih_mirrors.served(packed) as server:
        server.on_get = _answer(429, {"Retry-After": "3600"}, b"")
        done = data_fetch_command(
            *("get", "cardiomegaly", "--source", "nih", "--size", "64"), status=1, DATA_FETCH_MIRROR=server.address
        )
    assert "too many requests" in done.stderr and "retry after 3,600 s" in done.stderr and "next:" in done.stderr


def test_a_login_page_is_not_taken_for_a_manifest(packed, tmp_path, monkeypatch):
    damage_html(tmp_path / "manifest.csv")
    with nih_mirrors.served(tmp_path) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        with pytest.raises(DataFetchError, match="web page"):
            fetch()
        shutil.copytree(packed, tmp_path, dirs_exist_ok=True)
        assert len(fetch()), "and is not cached as one"


def test_nothing_listens(monkeypatch):
    monkeypatch.setenv("DATA_FETCH_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(DataFetchError, match=r"127\.0\.0\.1:9[\s\S]*connection refused"):
        fetch()


def test_the_mirror_is_no_folder(monkeypatch):
    monkeypatch.setenv("DATA_FETCH_MIRROR", "no/such/folder")
    with pytest.raises(DataFetchError, match=r"mirror does not exist[\s\S]*no/such/folder"):
        fetch()


# --- several processes ---


def _start_get(root, address):
    return subprocess.Popen(
        [sys.executable, "-m", "data_fetch", "get", "cardiomegaly", "--source", "nih", "--size", "64"],
        env={**os.environ, "DATA_FETCH_MIRROR": address},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def test_processes_that_fetch_at_once_download_once(packed, root):
    with nih_mirrors.served(packed) as server:
        running = [_start_get(root, server.address) for _ in range(3)]
        outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    assert [server.asked.count(f"/images_00{i}.tar.gz") for i in (1, 2)] == [1, 1]


@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_after_a_kill_or_ctrl_c_the_next_run_goes_on(packed, root, own_cache, how):
    reached, release = threading.Event(), threading.Event()

    def stalls_in_the_second_archive(handler):
        if not handler.path.endswith("images_002.tar.gz") or reached.is_set():
            return False
        content = (packed / "images_002.tar.gz").read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.wfile.flush()
        reached.set()
        release.wait(60)
        handler.close_connection = True
        return True

    with nih_mirrors.served(packed) as server:
        server.on_get = stalls_in_the_second_archive
        first = _start_get(root, server.address)
        assert reached.wait(60)
        # Archives are read in parallel: only confirmed films can be kept.
        source = Origin("mirror", server.address, (packed / "manifest.csv").read_bytes())
        wanted = {archive.name: len(archive.wanted) for archive in choose_cardiomegaly(source).archives}
        while len(list(own_cache.rglob("images_001.tar.gz/*.npy"))) < wanted["images_001.tar.gz"]:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL if how == "killed" else signal.SIGINT)
        output = first.communicate(timeout=60)[0]
        release.set()
        assert first.returncode != 0 and "Traceback" not in output
        assert not [p for p in (own_cache / "sets").glob("*") if not p.name.startswith(".")]
        second = _start_get(root, server.address)
        output = second.communicate(timeout=120)[0]
        assert second.returncode == 0, output
    assert server.asked.count("/images_001.tar.gz") == 1, "its films were confirmed, and are not fetched again"
    left = [path for path in own_cache.rglob("*") if ".part" in path.name or "unconfirmed" in path.name]
    assert not left
