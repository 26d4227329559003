"""How much of an attribution map is where it should be, compared with maps that are independent of the network.

A map is scored by its magnitude, which counts evidence for and against the class alike; channels are summed first.
Maps are float (N, H, W) or (N, H, W, C), on any scale; masks are bool (N, H, W), True inside. `null_baselines` returns
maps to compare with: a score is meaningful only relative to theirs, since hearts are in the middle of films.
"""

from __future__ import annotations

import numpy as np


def lift(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """How concentrated each map is inside its mask, relative to the mask's area.

    The share of the map's magnitude inside the mask, divided by the mask's share of the film's area.

    Parameters
    ----------
    maps : array, (N, H, W) or (N, H, W, C)
    masks : bool array, (N, H, W)
        True inside.

    Returns
    -------
    float array, (N,)
        From 0 to 1 / (share of the area). A uniform map has 1, an all-zero map 0.

    Raises
    ------
    ValueError
        Shapes differ, masks are not bool or are empty, or values are not finite.

    Examples
    --------
    >>> maps = np.zeros((1, 4, 4)); maps[0, 0] = 1
    >>> masks = np.zeros((1, 4, 4), bool); masks[0, :2, :2] = True
    >>> lift(maps, masks)
    array([2.])
    """
    magnitude, masks = _checked("lift", maps, masks)
    return _share(magnitude, masks) / masks.mean(axis=(1, 2))


def inside_share(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's magnitude inside its mask.

    A large mask has a large share because of its area alone: compare with the baselines, or use `lift`. Parameters and
    errors are those of `lift`.

    Returns
    -------
    float array, (N,)
        From 0 to 1; 0 for an all-zero map.
    """
    return _share(*_checked("inside_share", maps, masks))


def pointing_hits(maps: np.ndarray, masks: np.ndarray, margin: float = 0) -> np.ndarray:
    """Whether each map's strongest pixel is inside its mask. The mean is the accuracy of the pointing game.

    If several pixels are equally strong, all must be inside; an all-zero map points nowhere and is a miss. If only
    evidence *for* the class should count, pass np.maximum(maps, 0).

    Parameters
    ----------
    maps : array, (N, H, W) or (N, H, W, C)
    masks : bool array, (N, H, W)
        True inside.
    margin : float
        Distance from the mask that still counts as a hit, in pixels (Euclidean).

    Returns
    -------
    bool array, (N,)

    Raises
    ------
    ValueError
        As for `lift`.

    References
    ----------
    Zhang et al., "Top-down neural attention by excitation backprop", arXiv 1608.00507, who allow 15 pixels around the
    object.
    """
    magnitude, masks = _checked("pointing_hits", maps, masks)
    if margin > 0:
        from scipy import ndimage

        masks = np.stack([ndimage.distance_transform_edt(~mask) <= margin for mask in masks])
    largest = magnitude.max(axis=(1, 2), keepdims=True)
    outside = ((magnitude == largest) & ~masks).any(axis=(1, 2))
    return (largest[:, 0, 0] > 0) & ~outside


def iou(maps: np.ndarray, masks: np.ndarray, threshold: float) -> np.ndarray:
    """Intersection over union of each map's region (values at or above the threshold) with its mask.

    Signed: evidence against the class is never in the region.

    Parameters
    ----------
    maps : array, (N, H, W)
    masks : bool array, (N, H, W)
        True inside.
    threshold : float
        In the maps' own units, the same for all films.

    Returns
    -------
    float array, (N,)
        From 0 to 1; NaN for a film with an empty mask.

    Raises
    ------
    ValueError
        Shapes differ.
    """
    maps, masks = np.asarray(maps), np.asarray(masks, bool)
    if maps.shape != masks.shape or maps.ndim != 3:
        raise ValueError(
            f"iou: expected maps and masks (N, H, W) of the same films, got {maps.shape} and {masks.shape}."
        )
    both = np.count_nonzero((maps >= threshold) & masks, axis=(1, 2))
    either = np.count_nonzero((maps >= threshold) | masks, axis=(1, 2))
    return np.where(masks.any(axis=(1, 2)), both / np.maximum(either, 1), np.nan)


def null_baselines(films: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Maps that are independent of any network: a useful method must do better.

    Parameters
    ----------
    films : array, (N, H, W)
        As stored, grey values from 0 to 255; not the network's input, which has negative values, too.
    seed : int
        For the random maps.

    Returns
    -------
    dict, str -> float32 array, (N, H, W)
        "centred Gaussian", with a standard deviation of a quarter of each side; "the film itself"; "random", uniform from
        0 to 1, different for each film.

    Raises
    ------
    ValueError
        The shape is wrong, or values are negative.
    """
    films = np.asarray(films)
    if films.ndim != 3:
        raise ValueError(f"null_baselines: expected stored films (N, H, W), got {films.shape}.")
    if films.size and not films.min() >= 0:
        raise ValueError(
            f"null_baselines: expected stored films with values from 0 to 255, got {films.min():.4g}. Is this the network's input?"
        )
    height, width = films.shape[1:]
    down, across = ((np.arange(side) - (side - 1) / 2) / (side / 4) for side in (height, width))
    gaussian = np.exp(-(down[:, None] ** 2 + across**2) / 2).astype(np.float32)
    return {
        "centred Gaussian": np.repeat(gaussian[None], len(films), axis=0),
        "the film itself": films.astype(np.float32),
        "random": np.random.default_rng(seed).random(films.shape, dtype=np.float32),
    }


def _share(magnitude: np.ndarray, masks: np.ndarray) -> np.ndarray:
    total = magnitude.sum(axis=(1, 2))
    inside = np.where(masks, magnitude, 0).sum(axis=(1, 2))
    return np.where(total > 0, inside / np.where(total > 0, total, 1), 0.0)


def _checked(who: str, maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maps' magnitude, float64 (N, H, W) (sums of PatternNet's float32 values would overflow), and the masks."""
    maps, masks = np.asarray(maps), np.asarray(masks)
    if maps.ndim not in (3, 4) or masks.ndim != 3 or maps.shape[:3] != masks.shape:
        hint = " For one film, write maps[None], masks[None]." if maps.ndim == 2 or masks.ndim == 2 else ""
        raise ValueError(
            f"{who}: expected maps (N, H, W) or (N, H, W, C) and masks (N, H, W) of the same films, got maps "
            f"{maps.shape} and masks {masks.shape}.{hint}"
        )
    if masks.dtype != bool:
        raise ValueError(f"{who}: expected bool masks, True inside; got {masks.dtype}. Write masks > 0.")
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise ValueError(
            f"{who}: the mask is empty in {len(empty)} of {len(masks)} films (first: film {empty[0]}). "
            "Score only films whose mask has pixels: keep = masks.any(axis=(1, 2))."
        )
    maps = maps.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(maps.reshape(len(maps), -1)).all(axis=1))
    if len(wrong):
        raise ValueError(f"{who}: NaN or infinite values in {len(wrong)} maps (first: map {wrong[0]}).")
    return np.abs(maps if maps.ndim == 3 else maps.sum(axis=-1)), masks
