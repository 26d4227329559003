"""Marks that have nothing to do with a disease, drawn into films: shortcuts that a network may learn instead.

Each kind is a recipe that works on any 8-bit film, drawn or real, at any size, and needs no font: the same film, kind
and seed give the same pixels on every machine. A cue can be pasted, and erased by filling it in from its surroundings.

All are on the side away from the heart: they hardly disturb a network that never saw them, so the behaviour of a biased
network can be attributed to what it learned. The kinds, with sizes as fractions of the film's side:

tag     a hospital's token burnt in at the lower left: a light plate of 5.5 % with a dark rim and a dark cross
marker  a lead disc of 8 % with an R cut out, low on the patient's right edge: it differs in place, size and shape from
        the side marker that films carry anyway
text    a ward's line "WARD 4B" in block letters of 3 % on a dark plate, at the lower left
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data_fetch.errors import DataFetchError, choose

SEED = 2019
_FINE = 8  # each pixel is drawn as 8 x 8
_JITTER = 0.008  # the place varies by up to this in each direction: no two people place a mark alike
_LIGHT, _DARK = 0.93, 0.06

# Seven rows of five dots; "1" is ink.
_LETTERS = {
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}

# What a recipe draws at x, y (fractions of the film): area and grey (0-1) of each layer. Later layers cover earlier ones.
_Shapes = list[tuple[np.ndarray, float]]


@dataclass(frozen=True)
class Recipe:
    """window: left, top, right, bottom of the drawing, without jitter; draw: the shapes in it."""

    window: tuple[float, float, float, float]
    draw: Callable[[np.ndarray, np.ndarray], _Shapes]


def _box(x: np.ndarray, y: np.ndarray, left: float, top: float, width: float, height: float) -> np.ndarray:
    return (x >= left) & (x < left + width) & (y >= top) & (y < top + height)


def _ink(x: np.ndarray, y: np.ndarray, line: str, left: float, top: float, dot: float) -> np.ndarray:
    """Where a line of block letters has ink; its upper left corner is (left, top), each dot is `dot` wide."""
    dots = np.array([[[int(c) for c in row] + [0] for row in _LETTERS[letter].split()] for letter in line])
    table = np.concatenate(list(dots), axis=1).astype(bool)  # (7, 6 * letters)
    column, row = np.floor((x - left) / dot).astype(int), np.floor((y - top) / dot).astype(int)
    inside = (column >= 0) & (column < table.shape[1]) & (row >= 0) & (row < table.shape[0])
    return inside & table[row.clip(0, table.shape[0] - 1), column.clip(0, table.shape[1] - 1)]


def _tag(x: np.ndarray, y: np.ndarray) -> _Shapes:
    left, top, side, rim = 0.03, 0.915, 0.055, 0.006
    arm, thick, middle = 0.60 * side, 0.18 * side, side / 2
    u, v = x - left, y - top
    cross = _box(u, v, middle - arm / 2, middle - thick / 2, arm, thick)
    cross |= _box(u, v, middle - thick / 2, middle - arm / 2, thick, arm)
    plate = _box(u, v, rim, rim, side - 2 * rim, side - 2 * rim)
    return [(_box(u, v, 0, 0, side, side), _DARK), (plate, _LIGHT), (cross, _DARK)]


def _marker(x: np.ndarray, y: np.ndarray) -> _Shapes:
    radius, across, down, dot = 0.04, 0.065, 0.60, 0.006
    u, v = x - across, y - down
    letter = _ink(u, v, "R", -2.5 * dot, -3.5 * dot, dot)
    return [((u * u + v * v < radius * radius) & ~letter, _LIGHT)]


def _text(x: np.ndarray, y: np.ndarray) -> _Shapes:
    line, dot, left, top = "WARD 4B", 0.03 / 7, 0.04, 0.935
    plate = _box(x, y, left - 2 * dot, top - 2 * dot, (6 * len(line) + 3) * dot, 11 * dot)
    return [(plate, _DARK), (_ink(x, y, line, left, top, dot), _LIGHT)]


RECIPES = {
    "tag": Recipe((0.03, 0.915, 0.085, 0.97), _tag),
    "marker": Recipe((0.025, 0.56, 0.105, 0.64), _marker),
    "text": Recipe((0.03, 0.925, 0.24, 0.98), _text),
}


def _moved_by(name: str, seed: int) -> tuple[float, float]:
    """Offset of this film's cue (right, down), from a hash and thus independent of any library's random generator."""
    digest = hashlib.sha256(f"{seed}:{name}:place".encode()).digest()
    parts = (int.from_bytes(digest[:4], "big") / 2**32, int.from_bytes(digest[4:8], "big") / 2**32)
    return _JITTER * (2 * parts[0] - 1), _JITTER * (2 * parts[1] - 1)


def _draw(film: np.ndarray, cue: str, name: str, seed: int) -> None:
    """Draw the cue into one film, uint8 (H, W), in place."""
    recipe, (height, width), (right, down) = RECIPES[cue], film.shape, _moved_by(name, seed)
    margin = _JITTER + 1 / min(height, width)
    columns = slice(max(0, int((recipe.window[0] - margin) * width)), int((recipe.window[2] + margin) * width) + 1)
    rows = slice(max(0, int((recipe.window[1] - margin) * height)), int((recipe.window[3] + margin) * height) + 1)
    part = film[rows, columns]
    x, y = (
        (np.arange(count * _FINE) + start * _FINE + 0.5) / (side * _FINE) - moved
        for count, start, side, moved in (
            (part.shape[1], columns.start, width, right),
            (part.shape[0], rows.start, height, down),
        )
    )
    grey = part.astype(np.float64)
    for shape, tone in recipe.draw(x[None, :], y[:, None]):
        fine = np.broadcast_to(shape, (len(y), len(x))).reshape(part.shape[0], _FINE, part.shape[1], _FINE)
        grey += fine.mean((1, 3)) * (tone * 255 - grey)
    film[rows, columns] = np.round(grey).astype(np.uint8)


def paste_cue(
    images: np.ndarray, cue: str = "tag", names: Sequence[str] | np.ndarray | None = None, seed: int = SEED
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a cue into films.

    Parameters
    ----------
    images : uint8 (N, H, W)
        Not changed.
    cue : "tag", "marker" or "text"
    names : (N,) str, optional
        The films' own names, which determine the jitter. With the names and the seed of `fetch_cardiomegaly_biased`
        the pixels are those of that set. By default "0", "1", ...
    seed : int

    Returns
    -------
    pasted : uint8 (N, H, W), a new array
    masks : bool (N, H, W)
        Exactly the pixels that were changed.

    Raises
    ------
    DataFetchError
        For an unknown cue, or images that are not uint8 (N, H, W).
    """
    images = _films(images, "paste_cue")
    choose("cue", cue, RECIPES, where="cue=")
    names = [str(number) for number in range(len(images))] if names is None else [str(name) for name in names]
    if len(names) != len(images):
        raise DataFetchError(
            "paste_cue needs one name per film.", expected=f"{len(images)} names", got=f"{len(names)} names"
        )
    pasted = images.copy()
    for film, name in zip(pasted, names, strict=True):
        _draw(film, cue, name, seed)
    return pasted, pasted != images


def erase(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Fill marked areas from their surroundings: a smooth surface through their borders, plus the adjacent grain.

    Painting an area black, or any uniform grey, does not erase it: it is a new mark that a network can read as well.
    Here the greys inside solve Laplace's equation with the surrounding film as the boundary (a membrane), and the fine
    detail of the film is mirrored across the border, so that the filling is as grainy as its surroundings. What the cue
    covered is unknown and is not restored; large areas over fine anatomy look blurred.

    Parameters
    ----------
    images : uint8 (N, H, W)
        Not changed.
    masks : bool (N, H, W), or (H, W) for all films alike
        The areas to fill, for example `films.masks["cue"]`. Films without marked pixels are unchanged.

    Returns
    -------
    uint8 (N, H, W), a new array
        Unchanged outside the masks.

    Raises
    ------
    DataFetchError
        If the masks do not match the films, or cover a whole film.
    """
    images = _films(images, "erase")
    masks = np.asarray(masks)
    if masks.ndim == 2:
        masks = np.broadcast_to(masks, images.shape)
    if masks.shape != images.shape or masks.dtype != bool:
        raise DataFetchError(
            "erase needs one mask per film.", expected=f"bool {images.shape}", got=f"{masks.dtype} {masks.shape}"
        )
    filled = images.copy()
    for number in np.flatnonzero(masks.any(axis=(1, 2))):
        mask = np.asarray(masks[number])
        if mask.all():
            raise DataFetchError(f"The mask covers all of film {number}, so there is nothing to fill it from.")
        filled[number][mask] = _filling(images[number], mask)
    return filled


def _films(images: np.ndarray, function: str) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DataFetchError(
            f"{function} needs an array of 8-bit films.",
            expected="uint8 (N, H, W); for one film pass images[:1]",
            got=f"{images.dtype} {images.shape}",
        )
    return images


def _filling(film: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Greys for the marked pixels of one film, in the order of film[mask]."""
    from scipy import ndimage

    height, width = film.shape
    reach = 12  # pixels used around the area
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom = max(0, rows[0] - reach), min(height, rows[-1] + reach + 1)
    left, right = max(0, columns[0] - reach), min(width, columns[-1] + reach + 1)
    part, hole = film[top:bottom, left:right].astype(np.float64), mask[top:bottom, left:right]
    known = ~hole
    # The film without its grain, from known pixels only.
    weight = ndimage.gaussian_filter(known.astype(float), 1.5, mode="nearest")
    smooth = ndimage.gaussian_filter(np.where(known, part, 0), 1.5, mode="nearest") / np.maximum(weight, 1e-6)
    grain = np.where(known, part - smooth, 0)
    # Edges of bones and letters are not grain: values that exceed the noise are clipped, so that they are not copied.
    limit = 4 * np.median(np.abs(grain[known]))
    grain = grain.clip(-limit, limit)
    # The pixel as far outside the border as this one is inside; if that is marked too, the nearest known one.
    nearest = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    here = np.indices(hole.shape)
    mirrored = [np.clip(2 * n - h, 0, side - 1) for n, h, side in zip(nearest, here, hole.shape, strict=True)]
    usable = known[mirrored[0], mirrored[1]]
    at = [np.where(usable, m, n)[hole] for m, n in zip(mirrored, nearest, strict=True)]
    membrane = _membrane(np.where(known, smooth, 0), hole)
    return np.round(np.clip(membrane + grain[at[0], at[1]], 0, 255)).astype(np.uint8)


def _membrane(values: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Values inside the hole, each the mean of its neighbours; a film's edge has no neighbours beyond it."""
    from scipy import sparse
    from scipy.sparse import linalg

    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    count = int(hole.sum())
    right = np.zeros(count)
    degree = np.zeros(count)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for axis in (0, 1):
        for step in (-1, 1):
            inside = _moved(np.ones_like(hole), axis, step)[hole]
            neighbour = _moved(number, axis, step, -1)[hole]
            value = _moved(values, axis, step)[hole]
            degree += inside
            right += np.where(inside & (neighbour < 0), value, 0)
            linked = inside & (neighbour >= 0)
            pairs.append((np.flatnonzero(linked), neighbour[linked]))
    row, column = (np.concatenate(side) for side in zip(*pairs, strict=True))
    links = sparse.coo_matrix((-np.ones(len(row)), (row, column)), (count, count))
    return linalg.spsolve((sparse.diags(degree) + links).tocsc(), right)


def _moved(array: np.ndarray, axis: int, step: int, fill: float = 0) -> np.ndarray:
    """The neighbour one step away along an axis, or `fill` if there is none."""
    out = np.roll(array, -step, axis)
    edge = [slice(None)] * 2
    edge[axis] = slice(-1, None) if step > 0 else slice(0, 1)
    out[tuple(edge)] = fill
    return out


def carriers(names: Iterable[str], share: float, seed: int = SEED) -> set[str]:
    """The films that get the cue: round(share * N) of the names, chosen by a hash of the seed and each name."""
    from data_fetch.sources.splits import shuffled

    order = shuffled(names, seed)
    return set(order[: round(share * len(order))])
