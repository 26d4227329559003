"""The pneumothorax phantoms: gas where the mask says, devices and mimics as promised, nothing else that reveals the label."""

from __future__ import annotations

import csv
import itertools
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from data_fetch.sources.phantoms import pneumothorax, trivial_baselines, writing
from data_fetch.sources.phantoms.film import Additions, render
from data_fetch.store.registry import data_set

pytestmark = pytest.mark.render

SIZE = 64


@pytest.fixture(scope="module")
def drawn(once_a_run) -> Path:
    """The test split at 64 px."""
    return once_a_run(
        "pneumothorax", lambda folder: writing.write(pneumothorax.SET, "test", SIZE, folder, progress=False)
    )


@pytest.fixture(scope="module")
def table(drawn) -> dict[str, np.ndarray]:
    with (drawn / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    flags = {name: columns[name] == "True" for name in ("drain", "fold")}
    return {
        **columns,
        **flags,
        "label": columns["label"].astype(int),
        "severity": columns["severity"].astype(float),
    }


@pytest.fixture(scope="module")
def masks(drawn) -> dict[str, np.ndarray]:
    return {name: np.load(drawn / "masks" / f"{name}.npy") for name in pneumothorax.MASKS}


@pytest.fixture(scope="module")
def cases() -> list[pneumothorax.Entry]:
    """Six positives of different patients, from small to large."""
    first = {entry.patient.number: entry for entry in pneumothorax.entries_of("test") if entry.label}
    by_size = sorted(first.values(), key=lambda entry: entry.additions.pneumothorax.collapse)
    return [by_size[k] for k in np.linspace(0, len(by_size) - 1, 6).astype(int)]


def test_splits_are_balanced_and_share_no_patient():
    entries = {split: pneumothorax.entries_of(split) for split in pneumothorax.SPLITS}
    counts = {split: (len(of_split), sum(e.label for e in of_split)) for split, of_split in entries.items()}
    assert counts == {"train": (1000, 500), "validation": (200, 100), "test": (300, 150)}
    patients = {split: {e.patient.number for e in of_split} for split, of_split in entries.items()}
    assert len(set.union(*patients.values())) == sum(map(len, patients.values()))
    for of_split in entries.values():
        for number in {e.patient.number for e in of_split}:
            films = [e for e in of_split if e.patient.number == number]
            assert all(e.patient == films[0].patient and e.label == films[0].label for e in films)
            assert len({e.additions.drain for e in films}) == 1, "a drain stays in"
            assert len({e.exposure for e in films}) == len(films)
            sides = {e.additions.pneumothorax.side for e in films if e.additions.pneumothorax}
            assert len(sides) == films[0].label


def test_the_table_and_the_masks_tell_the_same(table, masks, drawn):
    for name, flag in (("pneumothorax", table["label"] == 1), ("drain", table["drain"]), ("fold", table["fold"])):
        assert np.array_equal(masks[name].any(axis=(1, 2)), flag), name
    assert not (masks["pneumothorax"] & ~masks["lungs"]).any() and not (masks["lungs"] & masks["heart"]).any()
    positive = table["label"] == 1
    assert (table["severity"][positive] > 0.015).all() and (table["severity"][~positive] == 0).all()
    assert set(table["side"][positive]) == {"R", "L"} and set(table["side"][~positive]) == {""}
    for row in np.flatnonzero(positive):
        gas, lungs = masks["pneumothorax"][row], masks["lungs"][row]
        columns = np.arange(SIZE)
        on_the_left = (gas.sum(0) * columns).sum() / gas.sum() > (lungs.sum(0) * columns).sum() / lungs.sum()
        assert on_the_left == (table["side"][row] == "L"), "the patient's left is on the viewer's right"
        assert gas.sum() / lungs.sum() == pytest.approx(table["severity"][row] / 2, rel=0.5, abs=0.02)
    card = tomllib.loads((drawn / "card.toml").read_text(encoding="utf-8"))
    assert card["strata"]["positives_with_drain"] == (table["drain"] & positive).sum()
    assert card["counts"]["pneumothorax"] == 150


def test_strata_have_counts(table):
    positive = table["label"] == 1
    assert 40 <= (table["drain"] & positive).sum() <= 90 and (table["drain"] & ~positive).sum() >= 10
    assert (table["fold"] & ~positive).sum() >= 20
    severity = table["severity"][positive]
    assert (severity < 0.12).sum() >= 12 and (severity > 0.5).sum() >= 12
    # Neither a drain nor the view says how large the pneumothorax is.
    assert 0.35 < roc_auc_score(table["drain"][positive], severity) < 0.65


def test_no_number_alone_gives_the_label_away(table, drawn):
    images = np.load(drawn / "images.npy")
    for cue in (
        images.mean((1, 2)),
        images.std((1, 2)),
        table["view"] == "AP",
        table["marker"] == "L",
        table["sex"] == "F",
        table["age"].astype(float),
        table["inspiration"].astype(float),
        table["patient"].astype(int),
        np.arange(300),
    ):
        assert 0.36 < roc_auc_score(table["label"], cue) < 0.64
    # A drain is a good predictor, but no more.
    assert 0.55 < roc_auc_score(table["label"], table["drain"]) < 0.75


def test_the_baselines_on_the_card_belong_to_this_version_of_the_films(drawn, table):
    stated = tomllib.loads((drawn / "card.toml").read_text(encoding="utf-8"))["baselines"]
    assert (stated["version"], stated["seed"]) == (pneumothorax.VERSION, pneumothorax.SEED)
    assert roc_auc_score(table["label"], table["drain"]) == pytest.approx(stated["drain"], abs=1e-3)
    brightness = np.load(drawn / "images.npy").mean((1, 2))
    assert roc_auc_score(table["label"], brightness) == pytest.approx(stated["mean_intensity"], abs=0.02)
    assert stated["logistic_regression_16x16"] < 0.75, "16 x 16 pixels must not be enough"
    assert trivial_baselines.CONTESTS["pneumothorax"].file == pneumothorax.BASELINES
    registered = data_set("pneumothorax")["sources"]["phantom"]["version"]
    assert registered == pneumothorax.VERSION


def test_gas_is_darker_has_no_vessels_and_ends_in_a_line(cases):
    for entry in cases:
        gas = Additions(pneumothorax=entry.additions.pneumothorax)
        film, without = render(entry.patient, entry.exposure, 512, gas), render(entry.patient, entry.exposure, 512)
        where = film.pneumothorax
        assert np.array_equal(film.lungs, without.lungs) and np.array_equal(film.heart, without.heart)
        change = film.image.astype(float) - without.image
        assert np.median(change[where]) < -1, "slightly darker than lung"
        assert np.abs(np.median(change[~film.lungs])) <= 6, "and nearly unchanged elsewhere"
        # Vessels differ if a patient's texture does. In the gas no difference remains, in the lung it does.
        other = replace(entry.patient, texture=entry.patient.texture + 1)
        apart = np.abs(render(other, entry.exposure, 512, gas).image.astype(float) - film.image)
        deep = film.lungs & ~where
        assert apart[where].mean() < 0.5 * apart[deep].mean()


def test_a_larger_collapse_is_a_larger_mask_on_the_same_patient(cases):
    entry = cases[2]
    found = entry.additions.pneumothorax
    films = [
        render(entry.patient, entry.exposure, 256, Additions(replace(found, collapse=size)))
        for size in (0.03, 0.1, 0.25, 0.6)
    ]
    severity = [film.severity for film in films]
    assert severity == sorted(severity) and severity[0] < 0.06 and severity[-1] > 0.5
    for small, large in itertools.pairwise(films):
        assert (small.pneumothorax & ~large.pneumothorax).sum() < 0.02 * large.pneumothorax.sum()


def test_a_drain_is_bright_and_a_fold_ends_in_an_edge_with_vessels_beyond():
    entries = pneumothorax.entries_of("test")
    drained = [e for e in entries if e.additions.drain and not e.label][:4]
    folded = [e for e in entries if e.additions.fold and not e.label][:4]
    for entry in drained:
        film, without = (
            render(entry.patient, entry.exposure, 512, extra)
            for extra in (Additions(drain=entry.additions.drain), None)
        )
        change = film.image.astype(float) - without.image
        assert change[film.drain].mean() > 8 and np.abs(np.median(change[~film.drain])) <= 1
        assert (film.drain & film.lungs).any() and (film.drain & ~film.lungs).any(), "it comes in from outside"
    for entry in folded:
        film, without = (
            render(entry.patient, entry.exposure, 512, extra) for extra in (Additions(fold=entry.additions.fold), None)
        )
        change = film.image.astype(float) - without.image
        assert change[film.fold].mean() > 2 and not film.pneumothorax.any() and film.severity == 0


@pytest.mark.parametrize("size", [64, 100, 128, 512])
def test_masks_are_the_same_masks_at_every_size(cases, size):
    for entry in cases[1::2]:
        film, reference = (render(entry.patient, entry.exposure, side, entry.additions) for side in (size, 256))
        assert film.severity == pytest.approx(reference.severity, rel=0.08)
        # Gas thinner than half a pixel is not marked, so more of its rim is lost at 64 px than at 512.
        assert film.pneumothorax.mean() == pytest.approx(reference.pneumothorax.mean(), rel=0.35 if size < 128 else 0.2)
        assert film.drain.mean() == pytest.approx(reference.drain.mean(), rel=0.4)


@pytest.mark.slow(reason="renders 300 films again; each push renders five of them again")
def test_films_do_not_depend_on_how_many_draw_them(drawn, tmp_path):
    writing.write(pneumothorax.SET, "test", SIZE, tmp_path, progress=False, workers=3)
    for name in ("images.npy", *(f"masks/{mask}.npy" for mask in pneumothorax.MASKS), "table.csv", "card.toml"):
        assert (tmp_path / name).read_bytes() == (drawn / name).read_bytes(), name
    images, gas = np.load(drawn / "images.npy"), np.load(drawn / "masks" / "pneumothorax.npy")
    entry = pneumothorax.entries_of("test")[123]
    film = render(entry.patient, entry.exposure, SIZE, entry.additions)
    assert (film.pneumothorax == gas[123]).all() and np.abs(film.image.astype(int) - images[123]).max() <= 1


def test_a_film_drawn_again_differs_by_its_drain_alone(drawn, table):
    films = np.load(drawn / "images.npy", mmap_mode="r")
    tube = np.load(drawn / "masks" / "drain.npy", mmap_mode="r")
    with_drain = np.flatnonzero(table["drain"])[:3]
    without = np.flatnonzero(~table["drain"] & (table["label"] == 0))[:2]
    for rows, drain in ((with_drain, True), (without, False)):
        same = pneumothorax.redrawn("test", rows, SIZE, drain)
        assert np.abs(same.astype(int) - films[rows]).max() <= 1
    gone = np.abs(pneumothorax.redrawn("test", with_drain, SIZE, drain=False).astype(int) - films[with_drain])
    for change, mask in zip(gone, tube[with_drain], strict=True):
        assert change[mask].mean() > 4 * change[~mask].mean() and change.max() > 10
    put_in = pneumothorax.redrawn("test", without, SIZE, drain=True)
    assert (np.abs(put_in.astype(int) - films[without]).max(axis=(1, 2)) > 10).all()
