"""Visible checks of lab 03. Each calls the student's function on inputs small enough to work out by hand.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def cue_score(f: Callable[..., Any]) -> str:
    """Check `cue_score`: how much of each map lies inside the cue, absolutely and relative to its area."""
    # Film 0: the cue is one pixel of sixteen and has half of the magnitude. Film 1 has no cue, film 2 a blank map.
    maps, masks = np.zeros((3, 4, 4, 3)), np.zeros((3, 4, 4), bool)
    maps[0, 3, 0] = 4.0, -1.0, 0.0
    maps[0, 0, 1], maps[0, 1, 1], maps[0, 2, 3] = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)
    maps[1, 0, 0] = 1.0
    masks[0, 3, 0] = masks[2, 3, 1] = True
    before = maps.copy()
    with np.errstate(all="ignore"):
        got = f(maps, masks)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("cue_score: return two arrays, the mass and the lift of each film.")
    mass, lift = (np.asarray(values, float) for values in got)
    if mass.shape != (3,) or lift.shape != (3,):
        raise AssertionError(
            f"cue_score: expected one number for each of the 3 films, got shapes {mass.shape} and {lift.shape}. "
            "Sum over rows, columns and channels, never over films."
        )
    if not np.array_equal(maps, before):
        raise AssertionError("cue_score: your function changed the maps it was given. Make new arrays instead.")
    if not np.isnan([mass[1], lift[1]]).all():
        raise AssertionError(
            f"cue_score: film 1 carries no cue, so both values must be NaN, got {mass[1]:.3g} and {lift[1]:.3g}. "
            "A 0 would be counted as 'the network ignores the cue'."
        )
    if not (mass[2] == 0 and lift[2] == 0):
        raise AssertionError(
            f"cue_score: film 2 has a cue and a blank map, so both values are 0; got {mass[2]:.3g} and {lift[2]:.3g}."
        )
    mistakes = {
        0.625: "add up the channels first, then take the magnitude: 4 and -1 at one pixel are 3, not 5",
        0.75: "evidence against the class counts too: the two pixels of -1 are missing in the denominator",
        1.5: "signs must not cancel in the denominator: take the magnitude of every pixel before you sum",
        1.0: "the denominator covers inside and outside together: divide by the magnitude of the whole map",
        3.0: "the mass is a share of the whole: divide by the magnitude of the whole map",
    }
    for wrong, why in mistakes.items():
        if np.isclose(mass[0], wrong):
            raise AssertionError(
                f"cue_score: the mass of film 0 should be 3 / 6, got {wrong:g}. Likely mistake: {why}."
            )
    if not np.isclose(mass[0], 0.5):
        raise AssertionError(
            "cue_score: in film 0 the cue's pixel has magnitude 3, and three pixels outside have 1 each: expected 3 / 6, "
            f"got {mass[0]:.4g}."
        )
    if np.isclose(lift[0], 15):
        raise AssertionError("cue_score: compare with the area of the whole film (1 / 16), not of the rest (1 / 15).")
    if np.isclose(lift[0], 12):
        raise AssertionError("cue_score: each film has its own mask and so its own area: 1 / 16, not the mean of all.")
    if not np.isclose(lift[0], 8):
        raise AssertionError(
            f"cue_score: half of the map in a sixteenth of the film is a lift of 8, got {lift[0]:.4g}. "
            "Divide the mass by the cue's share of the area."
        )
    return "cue_score: correct on this example. The hidden checks use other films, masks and scales."


def matched_control(f: Callable[..., Any]) -> str:
    """Check `matched_control(masks, avoid, seed)`: the shape of each film's cue at another, random position."""
    masks, avoid = np.zeros((40, 12, 16), bool), np.zeros((40, 12, 16), bool)
    masks[:, 9, 0:3] = masks[:, 10, 0] = True  # four pixels, like an L on its side, at the lower left
    masks[3] = False
    avoid[:, 2:7, 5:12] = True
    kept = masks.copy(), avoid.copy()
    got = np.asarray(f(masks, avoid, 0))
    if got.shape != masks.shape or got.dtype != bool:
        raise AssertionError(
            f"matched_control: expected masks like those passed in, bool {masks.shape}; got {got.dtype} {got.shape}."
        )
    if not (np.array_equal(masks, kept[0]) and np.array_equal(avoid, kept[1])):
        raise AssertionError("matched_control: your function changed the masks it was given. Make new arrays instead.")
    if got[3].any():
        raise AssertionError(
            "matched_control: film 3 carries no cue, so there is nothing to match: its mask must stay empty."
        )
    shape = _pixels(masks[0])
    for number in [n for n in range(40) if n != 3]:
        if got[number].sum() != 4:
            raise AssertionError(
                f"matched_control: the cue of film {number} has 4 pixels, its control {int(got[number].sum())}. "
                "Both must have the same number of pixels; are some cut off at the edge?"
            )
        if not np.array_equal(_pixels(got[number]), shape):
            raise AssertionError(
                f"matched_control: the control of film {number} does not have the cue's shape. Move the cue as a whole; "
                "scattered pixels, or pixels that wrap around to the other edge, do not match it."
            )
    if np.array_equal(np.delete(got, 3, 0), np.delete(masks, 3, 0)):
        raise AssertionError("matched_control: the controls are at the cue itself, so they control for nothing.")
    if (got & masks).any():
        raise AssertionError(
            "matched_control: a control overlaps the cue of its own film. Draw again until it does not."
        )
    if (got & avoid).any():
        raise AssertionError(
            "matched_control: a control overlaps the region to avoid. Erasing a piece of the heart may well change the "
            "score of a sound network; draw again until it does not."
        )
    if len({tuple(np.argwhere(one)[0]) for one in got if one.any()}) < 10:
        raise AssertionError(
            "matched_control: many films have the control at the same position. One position may be special by chance: "
            "draw a new one for each film."
        )
    if not np.array_equal(got, np.asarray(f(masks, avoid, 0))):
        raise AssertionError(
            "matched_control: the same seed must give the same positions: np.random.default_rng(seed)."
        )
    return "matched_control: correct on this example. The hidden checks use other shapes, positions and seeds."


def _pixels(mask: np.ndarray) -> np.ndarray:
    """Rows and columns of a mask's pixels, relative to its upper left corner."""
    found = np.argwhere(mask)
    return found - found.min(axis=0)


def counterfactual(f: Callable[..., Any]) -> str:
    """Check `counterfactual(predict, films, changes)`: the effect of each change on the score of each film."""
    films = np.zeros((3, 2, 2), np.uint8)
    films[0], films[1], films[2] = 100, 200, 0

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(images, float).mean(axis=(1, 2)) / 200

    def halved(images: np.ndarray) -> np.ndarray:
        return np.asarray(images) // 2

    def one_dark(images: np.ndarray) -> np.ndarray:
        return np.where(np.arange(3)[:, None, None] == 1, np.uint8(0), images)

    kept = films.copy()
    got = f(predict, films, {"halved": halved, "one dark": one_dark})
    if not isinstance(got, dict) or set(got) != {"halved", "one dark"}:
        raise AssertionError(
            "counterfactual: return a dict with the names of the changes, each with one number per film."
        )
    half, dark = (np.asarray(got[name], float) for name in ("halved", "one dark"))
    if half.shape != (3,) or dark.shape != (3,):
        raise AssertionError(
            f"counterfactual: expected one number for each of the 3 films, got shapes {half.shape} and {dark.shape}. "
            "Means are taken later."
        )
    if not np.array_equal(films, kept):
        raise AssertionError(
            "counterfactual: your function changed the films it was given. Pass copies to the changes."
        )
    if np.allclose(half[:2], [0.25, 0.5]):
        raise AssertionError(
            "counterfactual: halving darkens these films and lowers the score, so the effect is negative: after "
            "minus before, with its sign."
        )
    if not np.allclose(half[:2], [-0.25, -0.5]):
        raise AssertionError(
            "counterfactual: halving lowers the scores from 0.5 and 1 to 0.25 and 0.5: expected -0.25 and -0.5, "
            f"got {half[:2].tolist()}."
        )
    if not np.isnan(half[2]):
        raise AssertionError(
            f"counterfactual: film 2 is black, so halving does not change it. No experiment took place: expected NaN, got "
            f"{half[2]:.3g}. A 0 would be counted as 'no effect'."
        )
    if np.isclose(dark[0], -0.25):
        raise AssertionError(
            "counterfactual: the second change was made on top of the first. Start every change from the original films."
        )
    if not np.isclose(dark[1], -1.0) or not np.isnan(dark[[0, 2]]).all():
        raise AssertionError(
            f"counterfactual: 'one dark' changes only film 1, by -1; the others are unchanged (NaN). Got {dark.tolist()}."
        )
    return "counterfactual: correct on this example. The hidden checks use other networks and changes."


def blind_search(f: Callable[..., Any]) -> str:
    """Check `blind_search`: the mean drop of the score when each window of the films is filled in."""
    films = np.full((2, 4, 6), 100, np.uint8)
    films[:, :2, 4:] = 200

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(images, float)[:, :2, 4:].mean(axis=(1, 2)) / 200

    def fill(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
        return np.where(masks, np.uint8(100), images)

    got = np.asarray(f(predict, films, 2, fill), float)
    if got.shape != (2, 3):
        raise AssertionError(f"blind_search: 4 x 6 pixels in windows of 2 give a grid of (2, 3), got {got.shape}.")
    if np.isclose(got[0, 2], -0.5):
        raise AssertionError("blind_search: a drop is before minus after: positive where filling lowers the score.")
    if not np.allclose(got, [[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]):
        raise AssertionError(
            "blind_search: only the window in the first row and third column matters here; without it the score falls "
            f"from 1 to 0.5. Got {got.round(3).tolist()}. Is each window filled in the original films?"
        )
    return "blind_search: correct on this example."


def subgroup_table(f: Callable[..., Any]) -> str:
    """Check `subgroup_table`: the AUROC of each group's positives against all negatives, with counts and intervals."""
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.3, 0.1, 0.7, 0.2, 0.2, 0.05])
    groups = np.array(["tag", "tag", "none", "none", "tag", "none", "none", "none"])
    got = f(labels, scores, np.arange(8), groups, 200, 0)
    if not isinstance(got, dict) or set(got) != {"tag", "none"}:
        raise AssertionError('subgroup_table: return a dict with a row for each group, here "tag" and "none".')
    rows = {name: np.asarray(row, float) for name, row in got.items()}
    for name, row in rows.items():
        if row.shape != (5,):
            raise AssertionError(
                "subgroup_table: a row has five numbers (positives, negatives, AUROC, low, high), "
                f"got shape {row.shape} for {name!r}."
            )
    tag, none = rows["tag"], rows["none"]
    if tag[1] != 4 or none[1] != 4:
        raise AssertionError(
            f"subgroup_table: the negatives are shared: compare every group with all 4, got {tag[1]:g} and {none[1]:g}. "
            "With the group's own negatives the rows would differ in their negatives too."
        )
    if tag[0] != 2 or none[0] != 2:
        raise AssertionError(f"subgroup_table: each group has 2 positives, got {tag[0]:g} and {none[0]:g}.")
    if not np.allclose([tag[2], none[2]], [1.0, 0.5]):
        raise AssertionError(
            "subgroup_table: 0.9 and 0.8 are above all four negatives (AUROC 1), 0.3 and 0.1 win four of "
            f"their eight comparisons (0.5); got {tag[2]:.3f} and {none[2]:.3f}."
        )
    if not all(row[3] <= row[2] <= row[4] for row in rows.values()):
        raise AssertionError("subgroup_table: an interval contains its own value: low <= AUROC <= high.")
    if none[4] - none[3] < 0.2:
        raise AssertionError(
            "subgroup_table: with 2 positives the interval of 'none' must be wide. Is it computed from this group?"
        )
    return "subgroup_table: correct on this example. The hidden checks use other groups and patients with many films."


def repair(f: Callable[..., Any]) -> str:
    """Check `repair`: a training set in which neither the cue nor its removal predicts the class."""
    films, masks, labels, paste, erase = _biased_films()
    kept = films.copy()
    got = np.asarray(f(films, masks, labels, paste, erase, 0))
    if got.shape != films.shape or got.dtype != np.uint8:
        raise AssertionError(
            f"repair: return all films, in their order, as uint8 {films.shape}; got {got.dtype} {got.shape}."
        )
    if not np.array_equal(films, kept):
        raise AssertionError("repair: your function changed the films it was given. Make a new array instead.")
    place = masks.any(axis=0)
    if not np.array_equal(got[:, ~place], films[:, ~place]):
        raise AssertionError("repair: pixels outside the cue's place have changed. Leave the patient unchanged.")
    if np.array_equal(got, films):
        raise AssertionError("repair: the films are unchanged: the cue still predicts the class.")
    at = got[:, place].astype(float).mean(axis=1)
    carries = at > 200
    if abs(_correlation(carries, labels)) >= 0.05:
        told = [f"{int(carries[labels == label].sum())} of {int((labels == label).sum())}" for label in (1, 0)]
        raise AssertionError(
            f"repair: the cue is on {told[0]} ill and on {told[1]} healthy films, a correlation of "
            f"{_correlation(carries, labels):.2f} with the class; it must be below 0.05. A coin toss for each film is too "
            "coarse for that: select half of the ill and half of the healthy films."
        )
    free = ~carries
    if abs(_correlation(at[free], labels[free])) >= 0.05:
        dark = at[free & (labels == 1)].mean() < 20
        raise AssertionError(
            "repair: the cue is gone, but what replaces it predicts the class as well: "
            + ("a black square that only ill films have is itself a cue. " if dark else "filling leaves a trace. ")
            + "Treat the place in the same way in all films, ill or healthy, with or without the cue."
        )
    return (
        "repair: correct on this example. The hidden checks use other films; any repair that follows the rules passes."
    )


def _biased_films() -> tuple[np.ndarray, np.ndarray, np.ndarray, Callable[..., Any], Callable[..., Any]]:
    """24 films of 12 x 12 pixels, half of them ill; the cue, a bright 3 x 3 square, is on 11 ill films and 1 healthy one."""
    labels = np.tile([1, 0], 12)
    films = np.random.default_rng(0).integers(40, 160, (24, 12, 12)).astype(np.uint8)
    place = np.zeros((12, 12), bool)
    place[8:11, 1:4] = True
    films[:, place] = 100
    carries = labels == 1
    carries[0], carries[1] = False, True
    masks = carries[:, None, None] & place
    films[masks] = 250

    def paste(images: np.ndarray) -> np.ndarray:
        if np.shape(images) != (24, 12, 12):
            raise AssertionError(f"repair: paste takes all 24 films together, in their order; got {np.shape(images)}.")
        return np.where(place, np.uint8(250), images)

    def erase(images: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.where(where, np.uint8(90), images)  # filling is never perfect: the original value was 100

    return films, masks, labels, paste, erase


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = np.asarray(a, float), np.asarray(b, float)
    return 0.0 if np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9 else float(np.corrcoef(a, b)[0, 1])


def balance_weights(f: Callable[..., Any]) -> str:
    """Check `balance_weights(labels, carries)`: weights under which the cue does not predict the class."""
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    carries = np.array([True, True, True, False, False, False, False, True])
    got = f(labels, carries)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("balance_weights: return the weights, one per film, and the effective number of films.")
    weights, effective = np.asarray(got[0], float), float(got[1])
    if weights.shape != (8,):
        raise AssertionError(
            f"balance_weights: expected one weight for each of the 8 films, got shape {weights.shape}."
        )
    common, rare = weights[0], weights[3]
    if np.isclose(common, 2 * rare) or common > rare:
        raise AssertionError("balance_weights: rare combinations need larger weights. Is the fraction upside down?")
    if not np.allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2, 2 / 3, 2 / 3, 2 / 3, 2]):
        raise AssertionError(
            "balance_weights: if cue and class were independent, 2 of 8 films would be ill without the cue; there is 1, so "
            f"its weight is 2, and each of the 3 that carry it has 2 / 3. Got {weights.round(3).tolist()}."
        )
    if not np.isclose(effective, 6.0):
        raise AssertionError(
            f"balance_weights: (sum of weights) squared over the sum of squares is 64 / (32 / 3) = 6; got {effective:.4g}."
        )
    return "balance_weights: correct on this example."
