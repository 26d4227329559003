import numpy as np
import pytest

from medxai.evaluate import localisation
from medxai.evaluate.localisation import inside_share, lift, null_baselines, pointing_hits


@pytest.fixture
def masks():
    masks = np.zeros((3, 8, 6), bool)
    masks[0, :4, :3] = masks[1, 2:4, 1:4] = masks[2, 7, 5] = True
    return masks


def test_known_maps_have_known_scores(masks):
    inside = masks.astype(float)
    areas = masks.mean(axis=(1, 2))
    for maps, share in ((inside, 1), (~masks * -2.0, 0), (np.full(masks.shape, -3.0), areas), (inside * 0, 0)):
        np.testing.assert_allclose(inside_share(maps, masks), np.broadcast_to(share, 3))
        np.testing.assert_allclose(lift(maps, masks), share / areas)
    half = np.where(masks, 1 / masks.sum(axis=(1, 2), keepdims=True), -1 / (~masks).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(inside_share(half, masks), 0.5)  # evidence against counts as much


def test_scores_are_film_by_film_and_keep_to_no_scale(masks):
    rng = np.random.default_rng(0)
    maps = rng.normal(0, 1, (*masks.shape, 3)).astype(np.float32)
    before = maps.copy()
    scores = lift(maps, masks)
    np.testing.assert_allclose(scores, lift(maps.sum(axis=-1), masks), rtol=1e-5)
    np.testing.assert_allclose(scores, [lift(maps[[n]], masks[[n]])[0] for n in range(3)])
    huge = maps.sum(axis=-1) * np.array([1, 1e36, -1e-30], np.float32)[:, None, None]
    np.testing.assert_allclose(lift(huge, masks), scores, rtol=1e-4)
    assert np.array_equal(maps, before)


def test_pointing(masks):
    maps = np.zeros(masks.shape)
    maps[0, 0, 0], maps[0, 7, 5] = -2, 1  # the strongest, though against the class
    maps[1, 2, 1], maps[1, 0, 0] = 1, 1  # as strong outside
    assert pointing_hits(maps, masks).tolist() == [True, False, False]


def test_null_baselines_know_the_film_at_most():
    films = np.random.default_rng(3).integers(0, 256, (4, 40, 60), np.uint8)
    baselines = null_baselines(films, seed=1)
    assert list(baselines) == ["centred Gaussian", "the film itself", "random"]
    assert all(maps.shape == films.shape and maps.dtype == np.float32 for maps in baselines.values())
    gaussian = baselines["centred Gaussian"].astype(float)
    np.testing.assert_array_equal(gaussian, gaussian[:, ::-1, ::-1])
    # One standard deviation, a quarter of the side, beside the middle of a row between the two middle ones.
    np.testing.assert_allclose(
        gaussian[0, 20, 45] / gaussian[0, 20, 30], np.exp(-(15.5**2 - 0.5**2) / 15**2 / 2), rtol=1e-5
    )
    np.testing.assert_array_equal(baselines["the film itself"], films)
    random = baselines["random"]
    assert random.min() >= 0 and random.max() < 1 and np.abs(random[0] - random[1]).mean() > 0.2
    np.testing.assert_array_equal(random, null_baselines(films, seed=1)["random"])
    assert not np.array_equal(random, null_baselines(films, seed=2)["random"])
    middle = np.zeros(films.shape, bool)
    middle[:, 15:25, 20:40] = True
    assert lift(gaussian, middle).min() > 1.5 and np.abs(lift(random, middle) - 1).max() < 0.2


@pytest.mark.parametrize("score", [lift, inside_share, pointing_hits])
def test_what_cannot_be_scored_is_told(masks, score):
    maps = np.ones(masks.shape)
    for wrong, told in (
        ((maps, masks * [[[1]], [[0]], [[1]]] > 0), "empty in 1 of 3 films .first: film 1"),
        ((maps[:, :6], masks), r"maps \(3, 6, 6\) and masks \(3, 8, 6\)"),
        ((maps[0], masks[0]), r"maps\[None\]"),
        ((maps, masks.astype(np.uint8)), "masks > 0"),
        ((maps * [[[1]], [[1]], [[np.nan]]], masks), "1 maps .first: map 2"),
    ):
        with pytest.raises(ValueError, match=f"{score.__name__}: .*{told}"):
            score(*wrong)


def test_baselines_want_films_as_stored(masks):
    with pytest.raises(ValueError, match="network's input"):
        null_baselines(masks - 120.0)
    with pytest.raises(ValueError, match=r"\(N, H, W\), got \(3, 8, 6, 1\)"):
        null_baselines(masks[..., None])
    assert localisation.null_baselines(masks[:0])["random"].shape == (0, 8, 6)


def test_pointing_with_a_margin_is_a_straight_distance():
    masks, maps = np.zeros((2, 12, 12), bool), np.zeros((2, 12, 12))
    masks[:, 3:6, 3:6] = True
    maps[0, 8, 8] = maps[1, 5, 8] = 1  # 3 down and 3 across: 4.24; 3 across
    for margin, expected in ((0, [False, False]), (3, [False, True]), (4.3, [True, True])):
        assert pointing_hits(maps, masks, margin).tolist() == expected


def test_iou():
    maps = np.array([[[2.0, 2.0, -9.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]], [[5.0, 5.0, 5.0, 5.0]]])
    masks = np.array([[[True, False, True, False]], [[True] * 4], [[False] * 4]])
    np.testing.assert_allclose(localisation.iou(maps, masks, 2.0), [1 / 3, 0, np.nan])
    with pytest.raises(ValueError, match="same films"):
        localisation.iou(maps, masks[:2], 1.0)
