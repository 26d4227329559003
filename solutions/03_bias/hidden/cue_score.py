"""Hidden checks of cue_score: one function for each graded cell. Tolerance: one part in a million."""

import numpy as np


def _case(rng, shape=(5, 9, 14)):
    """Signed maps of three channels, some stronger than others, and masks of different sizes, none of them empty."""
    maps = rng.normal(size=(*shape, 3)) * rng.uniform(0.01, 100, (shape[0], 1, 1, 1))
    masks = np.zeros(shape, bool)
    for number in range(shape[0]):
        height, width = rng.integers(2, 6, 2)
        masks[number, -height:, :width] = True
    return maps, masks


def _scores(f, maps, masks):
    with np.errstate(all="ignore"):
        got = f(maps, masks)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("two arrays must come back: the mass and the lift of each film")
    mass, lift = (np.asarray(values, float) for values in got)
    if mass.shape != (len(maps),) or lift.shape != (len(maps),):
        raise AssertionError("there must be one mass and one lift for each film")
    return mass, lift


def _mass(maps, masks):
    size = np.abs(maps.sum(axis=-1))
    return np.where(masks, size, 0).sum(axis=(1, 2)) / size.sum(axis=(1, 2))


def cue_score_1(f, rng):
    """The mass is the share of the map's magnitude inside the cue: channels summed first, film by film, any scale."""
    for shape in ((5, 9, 14), (3, 16, 8)):
        maps, masks = _case(rng, shape)
        mass, _ = _scores(f, maps.copy(), masks.copy())
        if not np.allclose(mass, _mass(maps, masks), rtol=1e-6):
            raise AssertionError(
                "the mass must be the magnitude inside the film's own cue over the magnitude of its whole map: the "
                "channels are added up first, evidence against the class counts, and the map's scale does not matter"
            )


def cue_score_2(f, rng):
    """The lift is the share of the map over the share of the area; a flat map has a lift of 1 whatever the mask."""
    maps, masks = _case(rng)
    _, lift = _scores(f, maps.copy(), masks.copy())
    if not np.allclose(lift, _mass(maps, masks) / masks.mean(axis=(1, 2)), rtol=1e-6):
        raise AssertionError(
            "the lift must be the share of the magnitude over the share of the film's area, film by film"
        )
    _, flat = _scores(f, np.full(maps.shape, -0.5), masks.copy())
    if not np.allclose(flat, 1):
        raise AssertionError("a map that is the same everywhere has a lift of 1, whatever the size of the cue")


def cue_score_3(f, rng):
    """NaN for a film without the cue, 0 for a blank map; neither spoils its neighbours, and the maps stay as they were."""
    maps, masks = _case(rng)
    masks[1], maps[3] = False, 0
    kept = maps.copy()
    mass, lift = _scores(f, maps, masks)
    if not np.array_equal(maps, kept):
        raise AssertionError("the maps that went in must be unchanged")
    if not np.isnan([mass[1], lift[1]]).all():
        raise AssertionError("a film without the cue has no score: NaN, which means can leave out, and not a number")
    if mass[3] != 0 or lift[3] != 0:
        raise AssertionError("a blank map with a cue on its film has nothing inside the cue: 0, and not NaN")
    others = [0, 2, 4]
    if not np.isfinite(mass[others]).all() or not np.isfinite(lift[others]).all():
        raise AssertionError("the other films of the batch must keep their scores")
