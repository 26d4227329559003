"""Stored sets and ImageSet: what the labs rely on, whatever the source."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas
import pytest

import data_fetch
from data_fetch import DataFetchError, ImageSet, fetch_cardiomegaly
from data_fetch.store.registry import data_set


def test_a_set_is_made_once_and_then_mapped_from_the_cache(small_phantoms):
    first, second = fetch_cardiomegaly(size=64, progress=False), fetch_cardiomegaly(size=64, progress=False)
    assert small_phantoms == [("develop", 64)]
    assert first.images.filename == second.images.filename
    for films in (first, second):
        assert isinstance(films.images, np.memmap) and films.images.mode == "r"
        with pytest.raises(ValueError, match="read-only"):
            films.images[0, 0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            films.masks["heart"][0, 0, 0] = True
    assert first.masks.keys() == {"heart", "lungs"} and first.masks["heart"].dtype == bool
    assert first.attributes["marker"].isna().sum() == 1, "only an empty cell is unknown; 'NA' is text"


def test_train_and_validation_are_views_of_develop_by_patient(small_phantoms):
    develop = fetch_cardiomegaly(size=64, progress=False)
    train = fetch_cardiomegaly(split="train", size=64, progress=False)
    validation = fetch_cardiomegaly(split="validation", size=64, progress=False)
    assert small_phantoms == [("develop", 64)], "three splits, one file"
    assert len(validation) == 4 and len(train) == 36
    assert not set(train.patients) & set(validation.patients)
    assert np.array_equal(np.concatenate([validation.images, train.images]), develop.images)
    assert isinstance(train.images, np.memmap) and not train.images.flags.owndata, "not copied into memory"
    assert train.card["counts"]["films"] == 36 and train.card["split"] == "train"


def test_subset_takes_everything_along():
    images = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2)
    films = ImageSet(
        names=np.array(list("abcde")),
        images=images,
        labels=np.array([0, 1, 0, 1, 0]),
        classes=("normal", "cardiomegaly"),
        patients=np.array([1, 1, 2, 3, 4]),
        masks={"heart": images > 7},
        boxes=pandas.DataFrame({"film": [1, 3, 3], "finding": ["A", "B", "C"], "x": [1.0, 2.0, 3.0]}),
        attributes=pandas.DataFrame({"age": [50, 51, 52, 53, 54]}),
        card={},
    )
    chosen = films.subset([3, 0, 3])
    assert chosen.names.tolist() == ["d", "a", "d"]
    assert chosen.attributes["age"].tolist() == [53, 50, 53]
    assert chosen.boxes[["film", "finding"]].values.tolist() == [[0, "B"], [0, "C"], [2, "B"], [2, "C"]]
    assert np.array_equal(chosen.masks["heart"], (images > 7)[[3, 0, 3]])
    assert np.shares_memory(films.subset(slice(1, 4)).images, images)
    assert films.subset(slice(1, 4)).boxes["film"].tolist() == [0, 2, 2]
    assert len(films.subset(films.labels == 1)) == 2
    assert len(films.subset([])) == 0 and films.subset([]).boxes.empty
    with pytest.raises(IndexError):
        films.subset([5])


def test_a_short_file_is_named_before_it_is_mapped(small_phantoms, own_cache):
    films = fetch_cardiomegaly(size=64, progress=False)
    path = films.images.filename
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(
        DataFetchError, match=r"images\.npy[\s\S]*163,968 bytes[\s\S]*1,000 bytes[\s\S]*data-fetch clean"
    ):
        fetch_cardiomegaly(size=64, progress=False)


def test_nothing_half_made_stays_behind(monkeypatch, own_cache):
    from data_fetch.sources.phantoms import writing

    def stops_half_way(what, split, size, folder, progress=True):
        (folder / "images.npy").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "write", stops_half_way)
    with pytest.raises(KeyboardInterrupt):
        fetch_cardiomegaly(size=64, progress=False)
    assert list((own_cache / "sets").iterdir()) == []


def test_what_a_killed_process_left_is_removed(small_phantoms, own_cache):
    left_over = own_cache / "sets" / ".cardiomegaly-phantom-v1-64-develop.0123abcd.part"
    version = data_set("cardiomegaly")["sources"]["phantom"]["version"]
    left_over = left_over.with_name(left_over.name.replace("-v1-", f"-v{version}-"))
    left_over.mkdir(parents=True)
    fetch_cardiomegaly(size=64, progress=False)
    assert not left_over.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "nhi"}, "Did you mean 'nih'"),
        ({"split": "tset"}, "Did you mean 'test'"),
        ({"source": "nih", "split": "pretrain"}, "one of develop, train, validation, test"),
        ({"size": 12}, "from 64 to 1024"),
        ({"size": 256.0}, "from 64 to 1024"),
    ],
)
def test_unknown_arguments_suggest_what_would_do(arguments, message):
    with pytest.raises(DataFetchError, match=message):
        fetch_cardiomegaly(**arguments)


def test_profile(monkeypatch):
    assert (data_fetch.profile().name, data_fetch.profile().source) == ("cpu", "phantom")
    assert data_fetch.profile().sizes["cardiomegaly"] == 256
    monkeypatch.setenv("MEDXAI_PROFILE", "gpu")
    assert (data_fetch.profile().source, data_fetch.profile().width_divisor) == ("nih", 1)
    monkeypatch.setenv("MEDXAI_PROFILE", "gup")
    with pytest.raises(DataFetchError, match="Did you mean 'gpu'"):
        data_fetch.profile()


def test_the_registry_names_the_version_that_the_renderer_draws():
    from data_fetch.sources.phantoms import cardiomegaly

    assert data_set("cardiomegaly")["sources"]["phantom"]["version"] == cardiomegaly.VERSION


def test_importing_does_nothing_and_little():
    code = (
        "import sys, socket; socket.socket.connect = None; import data_fetch;"
        "print([m for m in ('tensorflow', 'pandas', 'h5py', 'PIL', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"
