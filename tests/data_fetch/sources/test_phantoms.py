"""The phantom films: their promises about labels, masks, splits, reproducibility and worker processes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from data_fetch.progress import bar
from data_fetch.sources.phantoms import cardiomegaly, pool, writing
from data_fetch.sources.phantoms.anatomy import sample_exposure, sample_patient
from data_fetch.sources.phantoms.film import columns, render

pytestmark = pytest.mark.render

SIZE = 64


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def drawn(once_a_run) -> Path:
    """The test split at 64 px, drawn by the default number of workers."""
    return once_a_run(
        "cardiomegaly", lambda folder: writing.write(cardiomegaly.SET, "test", SIZE, folder, progress=False)
    )


@pytest.fixture(scope="module")
def entries() -> dict[str, list[cardiomegaly.Entry]]:
    return {split: cardiomegaly.entries_of(split) for split in cardiomegaly.SPLITS}


def test_the_folder_holds_what_the_cache_expects(drawn):
    assert sorted(p.relative_to(drawn).as_posix() for p in drawn.rglob("*") if p.is_file()) == [
        "card.toml",
        "images.npy",
        "masks/heart.npy",
        "masks/lungs.npy",
        "table.csv",
    ]
    images = np.load(drawn / "images.npy")
    assert images.shape == (300, SIZE, SIZE) and images.dtype == np.uint8
    # Every film was really drawn: it has dark and bright parts, and no two are the same.
    assert (np.ptp(images.reshape(300, -1), axis=1) > 120).all()
    assert len(np.unique(images.reshape(300, -1), axis=0)) == 300
    for name in ("heart", "lungs"):
        mask = np.load(drawn / "masks" / f"{name}.npy")
        assert mask.shape == images.shape and mask.dtype == bool
    rows = read(drawn)
    assert len(rows) == 300 and sum(int(row["label"]) for row in rows) == 100
    assert list(rows[0])[:3] == ["name", "label", "patient"]
    card = tomllib.loads((drawn / "card.toml").read_text(encoding="utf-8"))
    assert card["counts"] == {
        "films": 300,
        "normal": 200,
        "cardiomegaly": 100,
        "patients": len({row["patient"] for row in rows}),
    }


def test_the_baselines_on_the_card_belong_to_this_version_of_the_films(drawn):
    baselines = tomllib.loads((drawn / "card.toml").read_text(encoding="utf-8"))["baselines"]
    assert (baselines["version"], baselines["seed"]) == (cardiomegaly.VERSION, cardiomegaly.SEED)
    # The apparent ratio hardly depends on the pixel size, so the card's number must be reproduced.
    rows = read(drawn)
    labels = [int(row["label"]) for row in rows]
    assert roc_auc_score(labels, [float(row["ctr_seen"]) for row in rows]) == pytest.approx(
        baselines["ctr_seen"], abs=0.03
    )
    brightness = np.load(drawn / "images.npy").mean((1, 2))
    assert roc_auc_score(labels, brightness) == pytest.approx(baselines["mean_intensity"], abs=0.02)


def test_no_number_alone_gives_the_label_away(drawn):
    rows = read(drawn)
    labels = np.array([int(row["label"]) for row in rows])
    images = np.load(drawn / "images.npy")
    for cue in (
        images.mean((1, 2)),
        images.std((1, 2)),
        np.array([row["view"] == "AP" for row in rows]),
        np.array([row["marker"] == "L" for row in rows]),
        np.array([row["sex"] == "F" for row in rows]),
        np.array([row["wide_mediastinum"] == "True" for row in rows]),
        np.array([float(row["age"]) for row in rows]),
        np.array([float(row["inspiration"]) for row in rows]),
        np.array([int(row["patient"]) for row in rows]),
        np.arange(300),
    ):
        assert 0.36 < roc_auc_score(labels, cue) < 0.64
    assert 0.40 < roc_auc_score(labels, images.mean((1, 2))) < 0.65
    assert 0.88 < roc_auc_score(labels, [float(row["ctr_seen"]) for row in rows]) < 0.96


def test_the_label_is_the_true_ratio_whatever_the_film_shows(drawn):
    rows = read(drawn)
    for row in rows:
        assert int(row["label"]) == (float(row["ctr"]) > 0.5), row["name"]
    # There are mimics: normal hearts that look enlarged, mostly on AP films.
    mimics = [row for row in rows if row["label"] == "0" and float(row["ctr_seen"]) > 0.5]
    assert len(mimics) > 15
    assert sum(row["view"] == "AP" for row in mimics) > len(mimics) / 2


def test_masks_agree_with_the_apparent_ratio(drawn):
    heart, lungs = (np.load(drawn / "masks" / f"{name}.npy") for name in ("heart", "lungs"))
    for row, h, lung in zip(read(drawn), heart, lungs, strict=True):
        assert float(row["ctr_seen"]) == pytest.approx(columns(h) / columns(lung), abs=1e-4)
        assert not (h & lung).any()


def test_the_heart_lies_where_a_radiographer_looks_for_it(drawn):
    heart, lungs = (np.load(drawn / "masks" / f"{name}.npy") for name in ("heart", "lungs"))
    images = np.load(drawn / "images.npy")
    for film, h, lung in zip(images, heart, lungs, strict=True):
        at = np.flatnonzero(lung.any(axis=0))
        middle = (at[0] + at[-1]) / 2
        extent = np.flatnonzero(h.any(axis=0))
        # The apex points to the patient's left: further from the middle on the image's right.
        assert extent[-1] - middle > middle - extent[0]
        assert film[h].mean() > film[lung].mean() + 40  # the heart is bright, the lungs are dark


def test_on_a_full_pa_film_the_ratio_is_seen_as_it_is_and_ap_enlarges_it():
    for number in range(12):
        rng = np.random.default_rng([5, number])
        patient = sample_patient(rng, number, ctr=float(rng.uniform(0.4, 0.6)))
        straight = dict(tilt=0.0, turn=0.0, zoom=1.0, shift=(0.0, 0.0), inspiration=1.0)
        pa = replace(sample_exposure(rng, ap_share=0), **straight)
        ap = replace(sample_exposure(rng, ap_share=1), **straight)
        seen_pa, seen_ap = (render(patient, exposure, 256).ctr_seen for exposure in (pa, ap))
        assert seen_pa == pytest.approx(patient.ctr, abs=0.012)
        assert seen_ap > seen_pa + 0.01
        assert render(patient, replace(pa, inspiration=0.3), 256).ctr_seen > seen_pa + 0.01


@pytest.mark.parametrize("size", [64, 100, 150, 256, 512])
def test_a_film_is_the_same_film_at_every_size(size):
    entry = cardiomegaly.entries_of("test")[7]
    film, reference = (render(entry.patient, entry.exposure, s) for s in (size, 256))
    assert film.image.shape == (size, size)
    assert film.ctr_seen == pytest.approx(reference.ctr_seen, abs=2.5 / size)
    assert film.heart.mean() == pytest.approx(reference.heart.mean(), rel=0.03)
    # The same greys at each place (coarsely, because the finest detail and the grain depend on the pixel).
    coarse = [
        np.asarray(Image.fromarray(f.image).resize((10, 10), Image.Resampling.BOX), int) for f in (film, reference)
    ]
    assert np.abs(coarse[0] - coarse[1]).max() <= 6


@pytest.mark.slow(reason="draws 300 films again; each push draws two of them again")
def test_films_do_not_depend_on_how_many_draw_them(drawn, tmp_path):
    writing.write(cardiomegaly.SET, "test", SIZE, tmp_path, progress=False, workers=3)
    for name in ("images.npy", "masks/heart.npy", "masks/lungs.npy", "table.csv", "card.toml"):
        assert (tmp_path / name).read_bytes() == (drawn / name).read_bytes(), name


def test_films_do_not_depend_on_their_order_and_neighbours(drawn):
    """Rendered here, individually and out of order, they equal those of the workers."""
    images, hearts = np.load(drawn / "images.npy"), np.load(drawn / "masks" / "heart.npy")
    for row in (250, 3):
        entry = cardiomegaly.entries_of("test")[row]
        film = render(entry.patient, entry.exposure, SIZE)
        assert (film.heart == hearts[row]).all()
        assert np.abs(film.image.astype(int) - images[row]).max() <= 1


def test_splits_have_their_counts_and_share_no_patient(entries):
    counts = {split: (len(of_split), sum(e.label for e in of_split)) for split, of_split in entries.items()}
    assert counts == {"develop": (400, 48), "test": (300, 100), "pretrain": (1000, 400)}
    patients = {split: {e.patient.number for e in of_split} for split, of_split in entries.items()}
    assert not patients["develop"] & patients["test"]
    assert not patients["develop"] & patients["pretrain"]
    assert not patients["test"] & patients["pretrain"]
    names = [e.name for of_split in entries.values() for e in of_split]
    assert len(set(names)) == len(names)


def test_a_patient_is_the_same_person_on_every_film(entries):
    for of_split in entries.values():
        films: dict[int, list[cardiomegaly.Entry]] = {}
        for entry in of_split:
            films.setdefault(entry.patient.number, []).append(entry)
        assert {len(some) for some in films.values()} == {1, 2, 3, 4, 5}
        for some in films.values():
            assert all(entry.patient == some[0].patient and entry.label == some[0].label for entry in some)
            assert len({entry.exposure for entry in some}) == len(some)


def test_develop_is_ordered_by_stratified_folds_of_whole_patients(entries):
    develop = entries["develop"]
    folds, labels = np.array([e.fold for e in develop]), np.array([e.label for e in develop])
    assert (np.diff(folds) >= 0).all() and set(folds) == set(range(10))
    for fold in range(10):
        assert abs(labels[folds == fold].mean() - labels.mean()) <= 0.03
        assert 36 <= (folds == fold).sum() <= 44
        inside = {e.patient.number for e in develop if e.fold == fold}
        assert not inside & {e.patient.number for e in develop if e.fold != fold}
        # Within a fold the two classes are mixed.
        assert 0 < np.flatnonzero(labels[folds == fold]).mean() < (folds == fold).sum() - 3
    assert all(e.fold == -1 for e in entries["test"] + entries["pretrain"])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
        if Path("/proc").is_dir()
        else True
    )


def remember_children(monkeypatch) -> list[subprocess.Popen]:
    children: list[subprocess.Popen] = []
    start = subprocess.Popen

    def popen(*arguments, **named):
        children.append(start(*arguments, **named))
        return children[-1]

    monkeypatch.setattr(pool.subprocess, "Popen", popen)
    return children


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
def test_a_killed_worker_is_reported_and_nothing_stays(tmp_path, monkeypatch):
    children = remember_children(monkeypatch)

    def kill_one() -> None:
        while len(children) < 2:
            time.sleep(0.01)
        children[1].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(pool.PhantomError, match=r"(?s)nothing was kept.*worker 2 of 2.*signal 9.*run the same command"):
        writing.write(cardiomegaly.SET, "test", SIZE, tmp_path, progress=False, workers=2)
    killer.join()
    assert list(tmp_path.iterdir()) == []
    assert not any(alive(child.pid) for child in children)


def test_a_failing_worker_is_quoted(tmp_path, monkeypatch):
    environment = pool._environment()
    monkeypatch.setattr(pool, "_environment", lambda: {**environment, "PYTHONPATH": str(tmp_path / "nowhere")})
    monkeypatch.chdir(tmp_path)  # so that the child finds the package neither here nor on its path
    monkeypatch.setattr(pool.sys, "executable", sys.executable)
    folder = tmp_path / "set"
    folder.mkdir()
    broken = ["--set", "cardiomegaly", "--split", "test", "--size", str(SIZE), "--folder", str(tmp_path / "missing")]
    with pytest.raises(pool.PhantomError, match=r"exit code \d+"):
        pool.run_workers(broken, 300, 2, lambda: None)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path, how):
    """Ctrl-C cleans up; even if the parent is killed, its children end with it."""
    program = (
        "from pathlib import Path; from data_fetch.sources.phantoms import cardiomegaly, pool, writing\n"
        "start = pool.subprocess.Popen\n"
        "def popen(*a, **k):\n    child = start(*a, **k); print(child.pid, flush=True); return child\n"
        "pool.subprocess.Popen = popen\n"
        f"writing.write(cardiomegaly.SET, 'pretrain', 256, Path({str(tmp_path)!r}), progress=False, workers=2)\n"
    )
    root = Path(cardiomegaly.__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(how)
        assert parent.wait(timeout=60) != 0
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)
    if how == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_named_and_touch_nothing(tmp_path):
    with pytest.raises(pool.PhantomError, match=r"(?s)no such split.*develop or test or pretrain.*'tset'"):
        writing.write(cardiomegaly.SET, "tset", SIZE, tmp_path, progress=False)
    for size in (63, 2048, 256.0, "256"):
        with pytest.raises(pool.PhantomError, match="64 to 1024"):
            writing.write(cardiomegaly.SET, "test", size, tmp_path, progress=False)
    (tmp_path / "mine.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(pool.PhantomError, match="empty folder"):
        writing.write(cardiomegaly.SET, "test", SIZE, tmp_path, progress=False)
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep me"


def test_the_bar_goes_to_standard_error_and_only_when_asked(capsys):
    with bar("Drawing 2 phantom films", 2) as advance:
        advance()
        advance()
    out, err = capsys.readouterr()
    assert out == "" and "2/2" in err
    with bar("Drawing 2 phantom films", 2, shown=False) as advance:
        advance()
    assert capsys.readouterr() == ("", "")
