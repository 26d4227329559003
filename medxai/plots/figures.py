"""Films, curves and tables, and the one way to show a figure."""

from __future__ import annotations

import html
import io
import os
import pathlib
from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import LeftOut

# One palette for all labs, distinguishable with any colour vision (Okabe and Ito, 2008).
BLUE, ORANGE, GREEN, VERMILION, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#777777"
CLASS_COLOURS = (BLUE, VERMILION)


def _png(fig: Figure) -> bytes:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=80, bbox_inches="tight")
    return buffer.getvalue()


def _display(png: bytes, alt: str, note: str = "") -> None:
    from IPython.display import HTML, display

    if note:
        display(HTML(f"<p><em>{html.escape(note)}</em></p>"))
    display({"image/png": png, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


def show(fig: Figure, alt: str) -> None:
    """Show a figure in the notebook, with its description, and close it.

    Parameters
    ----------
    fig : matplotlib Figure
    alt : str
        What the figure shows, in words: the axes, the shapes, and their meaning. At least 40 characters.

    Raises
    ------
    ValueError
        If the description is too short.
    """
    if len(alt.strip()) < 40:
        raise ValueError(f"plots.show: describe what the figure shows in at least 40 characters, got {alt!r}.")
    try:
        _display(_png(fig), alt)
    finally:
        plt.close(fig)


def yours_or_expected(draw: Callable[[], Figure], check: Callable[[], object], name: str, alt: str) -> None:
    """Show what the student's function draws if it passes its check, otherwise the picture it should draw.

    Parameters
    ----------
    draw : function without arguments, returns a Figure
        Draws with the student's function.
    check : function without arguments
        The visible check; anything it raises means "not yet".
    name : str
        Name of the expected picture, ``expected/NAME.png`` next to the notebook.
    alt : str
        Description, as in :func:`show`.
    """
    try:
        check()
    except Exception as reason:  # an unfinished function must not stop the notebook
        picture = pathlib.Path("expected") / f"{name}.png"
        note = f"Your function does not pass its check yet ({type(reason).__name__}). It should draw this picture."
        if isinstance(reason, LeftOut):
            note = f"The exercise `{reason.key}` is not part of this course. Its function draws this picture."
        if picture.is_file():
            _display(picture.read_bytes(), alt, note)
        else:
            print(f"{note} The file {picture} is missing; it would show: {alt}")
        return
    fig = draw()
    record = os.environ.get("MEDXAI_RECORD_EXPECTED")
    if record:
        folder = pathlib.Path(record)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(_png(fig))
    show(fig, alt)


def film(image: np.ndarray, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw one film, bone white, on the given axes or on a new figure.

    Parameters
    ----------
    image : array, (H, W)
        uint8 or float, from 0 to 255. The grey scale is fixed, so that films can be compared by eye.
    title : str, optional
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4, 4))
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=9)
    return ax


def film_grid(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 4, size: float = 2.2) -> Figure:
    """Draw films side by side, each with a title.

    Parameters
    ----------
    images : sequence of arrays, (H, W)
        Grey values from 0 to 255.
    titles : sequence of str
    columns : int
        Films per row.
    size : float
        Inches per film.

    Returns
    -------
    Figure
    """
    rows = -(-len(images) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * (size + 0.25)), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        film(image, title, ax)
    fig.tight_layout()
    return fig


def cardiothoracic(image: np.ndarray, heart: np.ndarray, lungs: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw a film with the widths of heart and thorax, and their ratio as the title.

    The widths are the horizontal extents of the masks in pixels, as a radiographer draws them (Danzer, 1919); the ratio
    does not depend on the height at which each is widest.

    Parameters
    ----------
    image : array, (H, W)
    heart, lungs : bool array, (H, W)
        Masks, with at least one pixel each.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = film(image, ax=ax)
    heart_y = float(np.flatnonzero(heart.any(axis=1)).mean())
    thorax_y = heart_y + 0.16 * image.shape[0]  # far enough below the other arrow for both labels to be legible
    widths = []
    for mask, colour, label, y, side in (
        (heart, ORANGE, "heart", heart_y, "bottom"),
        (lungs, BLUE, "thorax", thorax_y, "top"),
    ):
        columns = np.flatnonzero(mask.any(axis=0))
        left, right = columns[0], columns[-1] + 1
        ax.annotate("", (left, y), (right, y), arrowprops={"arrowstyle": "<->", "color": colour, "lw": 1.8})
        gap = -4 if side == "bottom" else 4
        ax.text((left + right) / 2, y + gap, label, color=colour, ha="center", va=side, fontsize=9, weight="bold")
        ax.contour(mask, levels=[0.5], colors=[colour], linewidths=0.8)
        widths.append(right - left)
    ax.set_title(f"{widths[0]} / {widths[1]} pixels = {widths[0] / widths[1]:.2f}", fontsize=9)
    return ax


def curve_axes(ax: Axes, xlabel: str, ylabel: str, title: str = "") -> Axes:
    """Give axes from 0 to 1 equal scales, labels and a light grid."""
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel, title=title, aspect="equal")
    ax.grid(alpha=0.25)
    return ax


def roc(curves: dict[str, tuple[np.ndarray, np.ndarray]], ax: Axes | None = None) -> Axes:
    """Draw ROC curves; the diagonal is chance level.

    Parameters
    ----------
    curves : dict, str -> (labels, scores)
        Arrays (N,): labels 0 or 1, and scores, larger meaning more likely positive.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from sklearn.metrics import roc_curve

    if ax is None:
        _, ax = plt.subplots(figsize=(4.2, 4.2))
    for (name, (labels, scores)), colour in zip(curves.items(), (BLUE, VERMILION, GREEN, PURPLE, ORANGE), strict=False):
        fpr, tpr, _ = roc_curve(labels, scores)
        ax.plot(fpr, tpr, color=colour, label=name, lw=1.6)
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", lw=1, label="a coin")
    curve_axes(ax, "1 - specificity", "sensitivity")
    ax.legend(loc="lower right", fontsize=8)
    return ax


def confusion(table: np.ndarray, classes: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix with the count in each cell.

    Parameters
    ----------
    table : int array, (C, C)
        Counts; one row per true class, one column per predicted class.
    classes : sequence of str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(3.4, 3.2))
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        ax.text(
            column,
            row,
            str(int(count)),
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.55 else "black",
        )
    ax.set_xticks(range(len(classes)), [f"called\n{c}" for c in classes], fontsize=8)
    ax.set_yticks(range(len(classes)), [f"truly\n{c}" for c in classes], fontsize=8)
    return ax


def reliability(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = 10, ax: Axes | None = None, label: str = ""
) -> Axes:
    """Draw a reliability diagram: observed share of positives against mean probability in equal-width bins.

    The area of each dot shows the number of films in its bin: an outlying dot of three films means little.

    Parameters
    ----------
    labels : array, (N,)
        0 or 1.
    probabilities : array, (N,)
        Of class 1, from 0 to 1.
    bins : int
    ax : Axes, optional
    label : str
        For the legend.

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.2, 4.2))
    labels, probabilities = np.asarray(labels, float), np.asarray(probabilities, float)
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(index, minlength=bins)
    used = counts > 0
    predicted = np.bincount(index, probabilities, bins)[used] / counts[used]
    observed = np.bincount(index, labels, bins)[used] / counts[used]
    ax.plot(predicted, observed, lw=1, alpha=0.6)
    ax.scatter(predicted, observed, s=8 + 300 * counts[used] / counts.sum(), label=label or None, zorder=3)
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", lw=1)
    return curve_axes(ax, "probability that the network gives", "share of films that are positive")


def intervals(rows: Sequence[tuple[str, float, float, float]], xlabel: str, ax: Axes | None = None) -> Axes:
    """Draw values with their intervals, one per row.

    Parameters
    ----------
    rows : sequence of (str, float, float, float)
        Name, value, low, high.
    xlabel : str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(6, 0.45 * len(rows) + 0.9))
    for y, (_, value, low, high) in enumerate(rows):
        ax.plot([low, high], [y, y], color=BLUE, lw=2)
        ax.plot(value, y, "o", color=BLUE)
    ax.set_yticks(range(len(rows)), [name for name, *_ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(xlabel)
    ax.grid(axis="x", alpha=0.25)
    return ax
