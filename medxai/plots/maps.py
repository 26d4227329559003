"""Attribution maps: red is evidence for the class, blue against it, white is zero; each map is divided by its maximum.

Colours follow the square root of the magnitude: a few pixels are often ten times stronger than any visible structure
and would leave the rest of the map white. The ticks of the colour bar are placed accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import FuncNorm
from matplotlib.figure import Figure

from .figures import ORANGE, film

COLOURS = "RdBu_r"


def _root(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.sqrt(np.abs(x))


def _square(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.square(x)


def _scale() -> FuncNorm:
    return FuncNorm((_root, _square), vmin=-1, vmax=1)


def signed(maps: np.ndarray) -> np.ndarray:
    """Maps ready for display: channels summed, each film's map divided by its own largest magnitude.

    Parameters
    ----------
    maps : array, (N, H, W) or (N, H, W, C)
        On any scale.

    Returns
    -------
    float32 array, (N, H, W)
        From -1 to 1; the sign is kept, 0 stays 0, and an all-zero map stays blank.

    Raises
    ------
    ValueError
        The shape is wrong, or values are not finite.
    """
    maps = np.asarray(maps)
    looks_like_one = maps.ndim == 3 and maps.shape[2] == 3 and min(maps.shape[:2]) > 8
    if maps.ndim not in (3, 4) or looks_like_one:
        hint = " For one map, write maps[None]." if maps.ndim == 2 or looks_like_one else ""
        raise ValueError(f"plots.signed: expected maps (N, H, W) or (N, H, W, C), got {maps.shape}.{hint}")
    maps = maps.astype(np.float64)
    if not np.isfinite(maps).all():
        raise ValueError("plots.signed: the maps contain NaN or infinite values.")
    if maps.ndim == 4:
        maps = maps.sum(axis=-1)
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True, initial=0)
    return (maps / np.where(largest > 0, largest, 1)).astype(np.float32)


def attribution(map2d: np.ndarray, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one map: red for the class, blue against it, white for 0.

    Colours follow the square root of the magnitude, so that weak parts are visible.

    Parameters
    ----------
    map2d : array, (H, W)
        From -1 to 1, as `signed` returns it.
    title : str, optional
    ax : Axes, optional
        By default those of a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        The shape is wrong, or values are outside [-1, 1].
    """
    map2d = np.asarray(map2d)
    if map2d.ndim != 2:
        raise ValueError(
            f"plots.attribution: expected one map (H, W), got {map2d.shape}. Pass one of plots.signed(maps)."
        )
    if not np.abs(map2d).max(initial=0) <= 1 + 1e-6:
        raise ValueError("plots.attribution: expected values from -1 to 1. Scale the maps first: plots.signed(maps).")
    if ax is None:
        _, ax = plt.subplots(figsize=(4, 4))
    ax.imshow(map2d, cmap=COLOURS, norm=_scale())
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set(color="0.8", linewidth=0.6)
    if title:
        ax.set_title(title, fontsize=9)
    return ax


def attribution_grid(
    films: np.ndarray,
    maps: Mapping[str, np.ndarray],
    rows: Sequence[str],
    per_row: int = 5,
    outlines: np.ndarray | None = None,
) -> Figure:
    """Draw the maps of several methods next to their films: one row per film, one column per method.

    With more than `per_row` methods the rows continue below, again with the film at the left. Each map is divided by
    its own largest magnitude (`signed`), so that only locations can be compared between maps, not strengths.

    Parameters
    ----------
    films : array, (N, H, W)
        As stored, 0 to 255.
    maps : mapping
        Name of the method -> (N, H, W) or (N, H, W, C), in the order in which they are drawn.
    rows : sequence of str
        A short label for each film, (N,).
    per_row : int
        Methods next to a film, 1 or more.
    outlines : bool array, (N, H, W), optional
        Drawn as thin lines on films and maps, or None. An empty mask has no line.

    Raises
    ------
    ValueError
        There are no maps, or films, maps, rows or outlines do not match.
    """
    films = np.asarray(films)
    _check_grid(films, maps, rows, per_row, outlines)
    ready = {name: signed(values) for name, values in maps.items()}
    names = list(ready)
    blocks = [names[start : start + per_row] for start in range(0, len(names), per_row)]
    columns = 1 + max(map(len, blocks))
    size, bar = 1.75, 0.55
    lines = len(blocks) * len(films)
    width, height = columns * size + 0.3, lines * size * films.shape[1] / films.shape[2] + len(blocks) * 0.3 + bar
    fig = plt.figure(figsize=(width, height), layout="constrained")
    axes = fig.subplots(lines, columns, squeeze=False)
    for line, row in enumerate(axes):
        block, n = blocks[line // len(films)], line % len(films)
        first = n == 0
        film(films[n], "film" if first else None, row[0])
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[])
        row[0].set_ylabel(rows[n], fontsize=9)
        for ax, name in zip(row[1:], block, strict=False):
            attribution(ready[name][n], ax=ax)
            if first:
                ax.set_title(name, fontsize=9 if len(name) < 22 else 7.5)
        for ax in row[1 + len(block) :]:
            ax.set_axis_off()
        if outlines is not None and outlines[n].any():
            for ax, colour in zip(row, [ORANGE, *["0.25"] * len(block)], strict=False):
                ax.contour(outlines[n], levels=[0.5], colors=[colour], linewidths=0.7)
    colours = fig.colorbar(
        ScalarMappable(_scale(), COLOURS), ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02
    )
    ticks = {-1: "-1\nagainst the class", -0.25: "-0.25", 0: "0", 0.25: "0.25", 1: "1\nfor the class"}
    colours.set_ticks(list(ticks), labels=list(ticks.values()))
    colours.set_label("share of the map's own largest magnitude", fontsize=8)
    colours.ax.minorticks_off()
    colours.ax.tick_params(labelsize=8)
    return fig


def evidence(
    films: np.ndarray,
    maps: np.ndarray,
    titles: Sequence[str],
    limit: float | None = None,
    outlines: np.ndarray | None = None,
    label: str = "evidence at a place, in units of the logit",
) -> Figure:
    """Draw films with their maps below, all maps on **one** scale: red for the class, blue against it, white for 0.

    For maps in meaningful units, such as class activation maps, which can be compared between films: a map without
    evidence stays pale.

    Parameters
    ----------
    films : array, (N, H, W)
        As stored, 0 to 255.
    maps : array, (N, H, W)
        On any scale.
    titles : sequence of str
        (N,).
    limit : float, optional
        The magnitude with the strongest colour, by default the largest of all maps. Larger values are clipped.
    outlines : bool array, (N, H, W), optional
        Drawn as thin lines on films and maps, or None.

    Raises
    ------
    ValueError
        Films, maps, titles or outlines do not match, or the limit is not above 0.
    """
    films, maps = np.asarray(films), np.asarray(maps, float)
    _check_grid(films, {"maps": maps}, titles, 1, outlines)
    if limit is None:
        limit = float(np.abs(maps).max()) or 1.0
    if not limit > 0:
        raise ValueError(f"plots.evidence: limit={limit}; expected a magnitude above 0, in the maps' own units.")
    size = 1.9
    fig = plt.figure(
        figsize=(len(films) * size + 0.2, 2 * size * films.shape[1] / films.shape[2] + 1.1), layout="constrained"
    )
    axes = fig.subplots(2, len(films), squeeze=False)
    for n, (above, below) in enumerate(axes.T):
        film(films[n], titles[n], above)
        below.imshow(maps[n], cmap=COLOURS, vmin=-limit, vmax=limit)
        below.set(xticks=[], yticks=[])
        for spine in below.spines.values():
            spine.set(color="0.8", linewidth=0.6)
        if outlines is not None and outlines[n].any():
            for ax, colour in ((above, ORANGE), (below, "0.25")):
                ax.contour(outlines[n], levels=[0.5], colors=[colour], linewidths=0.8)
    bar = fig.colorbar(
        ScalarMappable(plt.Normalize(-limit, limit), COLOURS), ax=axes, location="bottom", shrink=0.5, aspect=40
    )
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return fig


def _check_grid(
    films: np.ndarray, maps: Mapping[str, np.ndarray], rows: Sequence[str], per_row: int, outlines: np.ndarray | None
) -> None:
    if films.ndim != 3 or not len(films):
        raise ValueError(f"plots.attribution_grid: expected stored films (N, H, W), N at least 1; got {films.shape}.")
    if not maps:
        raise ValueError('plots.attribution_grid: expected maps as {"name of the method": maps}, got none.')
    if per_row < 1:
        raise ValueError(f"plots.attribution_grid: per_row={per_row}; expected 1 or more.")
    if isinstance(rows, str) or len(rows) != len(films):
        raise ValueError(f"plots.attribution_grid: expected a label for each of the {len(films)} films, got {rows!r}.")
    for name, values in [*maps.items(), *([] if outlines is None else [("outlines", outlines)])]:
        if np.shape(values)[:3] != films.shape:
            raise ValueError(
                f"plots.attribution_grid: {name} have shape {np.shape(values)}, the films {films.shape}. "
                "Expected one for each film, in the same order."
            )
