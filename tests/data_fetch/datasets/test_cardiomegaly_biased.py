"""The biased films: the clean ones with a cue, correlated with the label as each split promises."""

from __future__ import annotations

import numpy as np
import pytest

from data_fetch import DataFetchError, erase, fetch_cardiomegaly, fetch_cardiomegaly_biased, paste_cue

TESTS = ("own", "neutral", "reversed")


def biased(split, cue="tag", source=None):
    return fetch_cardiomegaly_biased(source, split, cue, size=64, progress=False)


def clean(split, source=None):
    return fetch_cardiomegaly(source, split, size=64, progress=False)


def tie(films):
    return np.corrcoef(films.labels, films.attributes["cue"])[0, 1]


@pytest.mark.parametrize("cue", ["tag", "marker", "text"])
def test_films_differ_from_the_clean_ones_exactly_where_the_mask_says(small_phantoms, cue):
    for split, source_split in [("develop", "develop"), *((test, "test") for test in TESTS)]:
        films, without = biased(split, cue), clean(source_split)
        assert np.array_equal(films.names, without.names) and np.array_equal(films.labels, without.labels)
        assert np.array_equal(films.patients, without.patients)
        assert np.array_equal(films.images != without.images, films.masks["cue"])
        carrying = films.attributes["cue"].to_numpy()
        assert carrying.dtype == bool and np.array_equal(films.masks["cue"].any(axis=(1, 2)), carrying)
        assert films.masks["heart"].filename == without.masks["heart"].filename, "shared, not stored twice"
        rows = np.flatnonzero(carrying)[:3]
        again, masks = paste_cue(without.images[rows], cue, without.names[rows])
        assert np.array_equal(again, films.images[rows]) and np.array_equal(masks, films.masks["cue"][rows])
        assert erase(films.images[rows], films.masks["cue"][rows]).shape == again.shape
    assert sorted(call[0] for call in small_phantoms) == ["develop", "test"], "two clean sets serve all"


def test_the_cue_goes_with_the_label_as_the_split_says(phantom_labels):
    counts = {}
    for split in ("develop", *TESTS):
        films = biased(split)
        carrying = films.attributes["cue"].to_numpy()
        counts[split] = [int(carrying[films.labels == label].sum()) for label in (0, 1)]
        assert films.card["cue"]["on_normal"] == counts[split][0] and films.card["cue"]["kind"] == "tag"
    # 100 normal and 100 enlarged hearts in each.
    assert counts == {"develop": [1, 99], "own": [1, 99], "neutral": [50, 50], "reversed": [99, 1]}
    assert tie(biased("own")) > 0.95 and abs(tie(biased("neutral"))) < 1e-9 and tie(biased("reversed")) < -0.95


@pytest.fixture
def phantom_labels(monkeypatch):
    """200 films, half of each class, without rendering."""
    from data_fetch.sources.phantoms import writing

    def write(what, split, size, folder, progress=True):
        np.save(folder / "images.npy", np.random.default_rng(0).integers(0, 255, (200, size, size), dtype=np.uint8))
        lines = [f"{split}-{i:03d}.png,{i % 2},p{i // 2},{i // 20}" for i in range(200)]
        (folder / "table.csv").write_text("\n".join(["name,label,patient,fold", *lines]) + "\n", encoding="utf-8")
        (folder / "card.toml").write_text(
            f'source = "phantom"\nsplit = "{split}"\nversion = "1"\npreprocessing = "none"\n[baselines]\nmean_intensity = 0.5\n',
            encoding="utf-8",
        )

    monkeypatch.setattr(writing, "write", write)


def test_films_are_made_once_and_split_by_patient(phantom_labels):
    train, validation, develop = biased("train"), biased("validation"), biased("develop")
    assert train.images.filename == develop.images.filename
    assert not set(train.patients) & set(validation.patients)
    assert len(train) + len(validation) == len(develop) and validation.card["split"] == "validation"
    assert np.array_equal(np.concatenate([validation.masks["cue"], train.masks["cue"]]), develop.masks["cue"])
    assert "baselines" not in develop.card, "baselines measured without the cue do not apply with it"
    assert not set(biased("own").patients) - set(clean("test").patients)


def test_nih_films_carry_the_same_cue(mirror):
    films, without = biased("own", "text", "nih"), clean("test", "nih")
    assert np.array_equal(films.images != without.images, films.masks["cue"])
    assert films.masks.keys() == {"cue"} and films.attributes["cue"].any()
    rows = np.flatnonzero(films.attributes["cue"])
    again, _ = paste_cue(without.images[rows], "text", without.names[rows])
    assert np.array_equal(again, films.images[rows])
    assert films.card["clean"].endswith("'test'") and films.card["licence"] == without.card["licence"]


def test_real_films_carry_the_cue_and_lose_it_again(realdata, monkeypatch):
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(realdata / "nih" / "mirror"))
    films = fetch_cardiomegaly_biased("nih", "develop", size=256, progress=False)
    without = fetch_cardiomegaly("nih", "develop", size=256, progress=False)
    assert np.array_equal(films.images != without.images, films.masks["cue"]) and len(films.boxes) == len(without.boxes)
    rows = np.flatnonzero(films.attributes["cue"])
    places = films.masks["cue"][rows]
    erased = erase(films.images[rows], places)
    before = np.abs(films.images[rows].astype(float) - without.images[rows])[places].mean()
    assert np.abs(erased.astype(float) - without.images[rows])[places].mean() < before / 3


def test_unknown_cues_and_splits_suggest_what_would_do():
    with pytest.raises(DataFetchError, match="Did you mean 'marker'"):
        biased("own", "markr")
    with pytest.raises(DataFetchError, match="Did you mean 'reversed'"):
        biased("reverse")
    with pytest.raises(DataFetchError, match="one of develop, train, validation, own, neutral, reversed"):
        biased("pretrain", source="nih")
