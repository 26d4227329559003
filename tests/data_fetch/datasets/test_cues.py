"""Cues: drawn by a recipe, the same everywhere, exactly masked, and erased without leaving a new mark."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from data_fetch import DataFetchError, erase, paste_cue
from data_fetch.datasets import cues


def smooth_films(count=6, size=256, seed=0):
    """Films with slow gradients and a little grain, as the edges of chest films have."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    slopes = rng.uniform(-60, 60, (count, 2, 1, 1))
    return np.clip(120 + slopes[:, 0] * x + slopes[:, 1] * y + rng.normal(0, 2, (count, size, size)), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize("cue", cues.RECIPES)
@pytest.mark.parametrize("size", [64, 128, 256, 500, 1024])
def test_a_cue_changes_what_its_mask_says_and_lies_in_its_window(cue, size):
    films = smooth_films(3, size)
    before = films.copy()
    pasted, masks = paste_cue(films, cue, ["a", "b", "c"])
    assert np.array_equal(films, before) and pasted.dtype == np.uint8
    assert np.array_equal(pasted != films, masks) and masks.any(axis=(1, 2)).all()
    left, top, right, bottom = cues.RECIPES[cue].window
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(1)) / size, np.flatnonzero(mask.any(0)) / size
        room = 0.008 + 1 / size
        assert left - room <= columns[0] and columns[-1] <= right + room
        assert top - room <= rows[0] and rows[-1] <= bottom + room


def test_the_same_name_and_seed_give_the_same_pixels_whatever_is_beside():
    films = smooth_films(4)
    names = ["00010001_000.png", "00010002_000.png", "00010003_000.png", "00010003_001.png"]
    for cue in cues.RECIPES:
        together, _ = paste_cue(films, cue, names)
        for row in (3, 0):
            alone, _ = paste_cue(films[row : row + 1], cue, names[row : row + 1])
            assert np.array_equal(alone[0], together[row])
    flat = np.full((1, 256, 256), 100, np.uint8)
    seen = {cue: hashlib.sha256(paste_cue(flat, cue, ["x.png"])[0].tobytes()).hexdigest()[:12] for cue in cues.RECIPES}
    # Without fonts, random generators or exponentials, these hold on every machine; a change requires a new version.
    assert seen == SEEN
    assert not np.array_equal(paste_cue(flat, names=["x.png"])[0], paste_cue(flat, names=["x.png"], seed=1)[0])


SEEN = {"tag": "a71bb0a63fb1", "marker": "ce0c0ff7a8f6", "text": "cf771a165778"}


@pytest.mark.parametrize("cue", cues.RECIPES)
def test_erasing_restores_what_could_have_been_there(cue):
    films = smooth_films()
    pasted, masks = paste_cue(films, cue)
    erased = erase(pasted, masks)
    assert np.array_equal(erased[~masks], pasted[~masks])
    error = np.abs(erased.astype(float) - films)[masks]
    assert np.median(error) <= 3 and error.max() < 20, "the gradient continues through the area"
    for film, filled, mask in zip(films, erased, masks, strict=True):
        # As grainy as before: a smooth patch would also be a mark.
        assert 0.4 < np.diff(filled.astype(float))[mask[:, 1:]].std() / np.diff(film.astype(float)).std() < 2


def test_erasing_is_not_the_black_square_that_is_a_cue_itself():
    films = smooth_films()
    pasted, masks = paste_cue(films, "tag")
    black = np.where(masks, 0, pasted)
    far = np.abs(black.astype(float) - films)[masks].mean()
    assert np.abs(erase(pasted, masks).astype(float) - films)[masks].mean() < far / 15
    assert np.array_equal(erase(films, np.zeros(films.shape, bool)), films)
    assert np.array_equal(erase(pasted, masks[0]), erase(pasted, np.repeat(masks[:1], len(films), 0)))


def test_erasing_at_the_corner_of_a_film_needs_no_border_there():
    films = smooth_films(1)
    mask = np.zeros(films.shape, bool)
    mask[0, :20, :20] = mask[0, -1, 100:140] = True
    holes = np.where(mask, 255, films).astype(np.uint8)
    assert np.abs(erase(holes, mask).astype(float) - films)[mask].max() < 20


def test_what_is_no_film_is_told():
    films = smooth_films(2)
    with pytest.raises(DataFetchError, match="Did you mean 'tag'"):
        paste_cue(films, "tga")
    with pytest.raises(DataFetchError, match=r"8-bit films[\s\S]*float64"):
        paste_cue(films / 255)
    with pytest.raises(DataFetchError, match=r"images\[:1\]"):
        erase(films[0], films[0] > 0)
    with pytest.raises(DataFetchError, match="2 names[\\s\\S]*1 names"):
        paste_cue(films, names=["a"])
    with pytest.raises(DataFetchError, match="one mask per film"):
        erase(films, np.zeros((3, 256, 256), bool))
    with pytest.raises(DataFetchError, match="covers all of film"):
        erase(films, np.ones(films.shape, bool))


def test_carriers_are_counted_exactly_and_do_not_depend_on_the_order():
    names = [f"{n:03d}" for n in range(100)]
    assert len(cues.carriers(names, 0.37)) == 37
    assert cues.carriers(names[::-1], 0.37) == cues.carriers(names, 0.37)
    assert cues.carriers(names, 0.2) < cues.carriers(names, 0.37), "more carriers, including the old ones"
