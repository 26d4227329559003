# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Tiny: two numbers of a chest film
#
# The smallest lab that has every part of one. It exists for the tests of the harness.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import tiny_checks as checks

from medxai import plots

film = 100.0 + np.add.outer(np.arange(24.0), 2 * np.arange(32.0))

# %% tags=["keep_output", "nbval-check-output"]
print(f"a film of {film.shape[0]} x {film.shape[1]} pixels, values from {film.min():.0f} to {film.max():.0f}")

# %% [markdown]
# ### Exercise: `normalise`  (easy, 5 minutes)
#
# Stretch a film to the range from 0 to 1.
#
# <details><summary>Hint 1: the idea</summary>
# Where does the lowest value go, and where the highest?</details>
#
# <details><summary>Hint 2: the shape</summary>
# Two steps: move the film down, then divide by its range. What if the range is nothing?</details>

# %% nbgrader={"grade": false, "grade_id": "normalise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def normalise(film):
    """A film stretched to the range from 0 to 1; a film of one grey becomes all 0.

    Parameters
    ----------
    film : float array, (H, W)
        Any values.

    Returns
    -------
    float array, (H, W)
        A new array, lowest value 0, highest 1.

    Example
    -------
    >>> normalise(np.array([[2., 4.], [6., 10.]]))
    array([[0.  , 0.25],
           [0.5 , 1.  ]])
    """
    ### BEGIN SOLUTION
    lowest, highest = film.min(), film.max()
    span = highest - lowest
    if span == 0:
        return np.zeros_like(film)
    return (film - lowest) / span
    ### END SOLUTION

# %% tags=["check"]
checks.normalise(normalise)

# %% nbgrader={"grade": true, "grade_id": "normalise-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The lowest value becomes 0, the highest 1, in equal steps (2 points).

# %% nbgrader={"grade": true, "grade_id": "normalise-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A film of one grey becomes all 0 (1 point).

# %% tags=["keep_output"]
def draw():
    fig, ax = plt.subplots(figsize=(3, 2))
    shown = ax.imshow(normalise(film), cmap="gray", vmin=0, vmax=1)
    fig.colorbar(shown)
    return fig


plots.yours_or_expected(
    draw, lambda: checks.normalise(normalise), "normalise",
    alt="A film that brightens evenly from the upper left to the lower right, grey values from 0 to 1.",
)

# %% [markdown]
# ### Exercise: `heart_share`  (medium, 10 minutes)
#
# How wide is the heart, as a share of the thorax? Both widths are measured from the leftmost to the rightmost pixel.
#
# <details><summary>Hint 1: the idea</summary>
# Which columns hold any pixel of the mask at all?</details>
#
# <details><summary>Hint 2: the shape</summary>
# (H, W) becomes (W,) with `any`, then two positions, then one number.</details>

# %% nbgrader={"grade": false, "grade_id": "heart_share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heart_share(heart, lungs):
    """The heart's width as a share of the thorax's, each from its leftmost to its rightmost pixel.

    Parameters
    ----------
    heart, lungs : bool array, (H, W)
        Masks with at least one pixel each.

    Returns
    -------
    float
        The share, above 0.
    """
    ### BEGIN SOLUTION
    widths = []
    for mask in (heart, lungs):
        columns = np.flatnonzero(mask.any(axis=0))
        widths.append(columns[-1] - columns[0] + 1)
    return float(widths[0] / widths[1])
    ### END SOLUTION

# %% tags=["check"]
checks.heart_share(heart_share)

# %% nbgrader={"grade": true, "grade_id": "heart_share-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The share is width by width (2 points).

# %% nbgrader={"grade": true, "grade_id": "heart_share-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Gaps inside a mask do not make it narrower (1 point).

# %% tags=["demo"]
total = 0
for row in film:
    total += float(row.sum())
print(f"mean grey value {total / film.size:.1f}")

# %% [markdown] nbgrader={"grade": true, "grade_id": "what_enlarges", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **Reflect** (2 points). Name two things that make a heart look larger on a film than it is.
#
# ### BEGIN SOLUTION
# The AP view, because the heart is further from the detector, and poor inspiration, because the thorax is narrower.
#
# Rubric: one point for each of two; any of AP view, poor inspiration, rotation, a supine patient.
# ### END SOLUTION
