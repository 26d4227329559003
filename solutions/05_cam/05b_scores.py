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
# # 05b Class activation maps: count, compare, intervene
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 100 minutes | 2 GB | 70 MB, drawn on your machine in two minutes; checkpoints of 0.3 and 1.5 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# In 05a you looked at a handful of maps, and they looked plausible. Plausible is what *you* find; whether a map points at the
# air is a number. In this notebook the maps are scored on all films with a pneumothorax, beside four impostors that never saw
# the network, and beside **you**. Then you look for the films where it goes wrong, and for the reason.
#
# **When you are done you can**
#
# - play the pointing game by rules that are written down: ties, blank maps, empty masks, tolerance;
# - measure overlap with a threshold that was not chosen on the films it is reported for;
# - set a method beside null baselines and a human, with intervals over patients;
# - collect failures by a rule instead of by taste;
# - split a logit into the parts that regions gave, and test a suspicion by changing the film.
#
# You need 05a (the maps, and your boxes in `my_boxes.txt`).

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import localisation, metrics
from medxai.explain import cam
from medxai.lab import boxes
from medxai.networks import own_network
from medxai.checks import cam as checks
from medxai.networks.preprocessing import to_network_input

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

import data_fetch
from data_fetch.sources.phantoms import pneumothorax as phantom_films

MY_NETWORK = False  # True: the network that you trained in 04a, section 7

# %% [markdown]
# ## 1. The pointing game
#
# The simplest question that can be asked of a map: *does its strongest point lie in the finding?* (Zhang et al. 2016, arXiv
# 1608.00507). It sounds as if there were nothing to decide. There is:
#
# - **Which strongest?** A class activation map has a sign. What speaks *against* the class points at nothing, however strong.
#   So the largest value counts, not the largest magnitude.
# - **Ties.** If several places share the maximum, and one lies outside, the map has not decided. All of them must hit. `argmax`
#   would return the first, which is the one nearest to the top left corner.
# - **Blank maps.** Where nothing is above zero the map points nowhere. That is a miss.
# - **Films without the finding** have nothing to be hit. They are left out, not counted as misses.
# - **Tolerance.** A map with cells of many pixels cannot hit a sliver exactly; some pixels beside it may count. How many is a
#   choice, made before looking, and printed.
#
# ### Exercise: `pointing_game`  (medium, 15 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Go film by film. First the cases in which nothing is to be found or nothing points. Then ask for every pixel that holds the
# maximum whether it is near enough to the mask.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `scipy.ndimage.distance_transform_edt(~mask)` has the mask's shape and gives each pixel its straight distance to the nearest
# pixel of the mask, 0 inside. `one == one.max()` picks all pixels of a tie. Fill an array of NaN.</details>
#
# Below your function stands its check. Run it as often as you like. No progress after 15 minutes? Go on: nothing below needs
# your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "pointing_game", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pointing_game(maps, masks, tolerance):
    """Does each map's strongest evidence for the class lie in the finding?

    Parameters
    ----------
    maps : float array, (N, H, W)
        With sign; positive speaks for the class. Not changed.
    masks : bool array, (N, H, W)
        True where the finding is. May be empty for some films. Not changed.
    tolerance : float
        So many pixels beside the mask still count, measured in a straight line to the mask's nearest pixel; 0 for none.

    Returns
    -------
    float array, (N,)
        1 for a hit: every pixel that holds the map's maximum lies in the mask or within the tolerance. 0 for a miss, also where
        nothing in the map is above zero. NaN where the mask is empty: the film is left out.

    Example
    -------
    The maximum is one pixel beside the mask; in the second film there is nothing to be found:

    >>> maps = np.array([[[0.0, 2.0, 1.0]], [[3.0, 0.0, 0.0]]])
    >>> masks = np.array([[[False, False, True]], [[False, False, False]]])
    >>> pointing_game(maps, masks, 0), pointing_game(maps, masks, 1)
    (array([ 0., nan]), array([ 1., nan]))
    """
    ### BEGIN SOLUTION
    from scipy.ndimage import distance_transform_edt

    played = np.full(len(maps), np.nan)
    for k, (one, mask) in enumerate(zip(maps, masks)):
        if not mask.any():
            continue
        strongest = (one == one.max()) & (one > 0)
        off = distance_transform_edt(~mask)[strongest]
        played[k] = off.size > 0 and off.max() <= tolerance
    return played
    ### END SOLUTION

# %% tags=["check"]
checks.pointing_game(pointing_game)

# %% nbgrader={"grade": true, "grade_id": "pointing_game-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The strongest evidence for the class decides, film by film (2 points).

# %% nbgrader={"grade": true, "grade_id": "pointing_game-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Ties must all hit, blank maps miss, empty masks are left out (1 point).

# %% nbgrader={"grade": true, "grade_id": "pointing_game-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The tolerance is a straight distance to the nearest pixel of the mask (1 point).

# %% [markdown]
# ### All films, and four impostors
#
# The masks are those of phantoms; films of real patients come without, so this section takes phantoms in either case and says
# so. The three **null baselines** of 02b play too: a Gaussian in the middle of the film, the film itself, and noise. For air
# they are weak: it never lies in the middle, and it is black. So there is a fourth that knows where air *usually* is: the mean
# of the masks of all validation films, one map for all test films. It has seen neither the network nor the film. **Write down**
# a guess before you run the cell: how often does the map point into the air, with a tolerance of 2 % of the film's width? And
# the usual place?

# %% tags=["demo"]
checkpoint = medxai.load_checkpoint(f"pneumothorax-{data_fetch.profile().name}")
test, validation = (data_fetch.fetch_pneumothorax(split=split) for split in ("test", "validation"))
if MY_NETWORK:
    checkpoint = own_network.load("../04_pneumothorax/my_pneumothorax.keras", checkpoint, validation)
if test.masks is None:
    print("Your films have no masks: everything is scored on phantoms.")
    test, validation = (data_fetch.fetch_pneumothorax(source="phantom", split=split) for split in ("test", "validation"))
shape, tolerance = test.images.shape[1:], 0.02 * test.images.shape[2]

def all_maps(films):
    """The maps of 05a, after and before the last pooling, and those that know nothing."""
    coarse, fine = (cam.enlarge(cam.maps(checkpoint.model, films, layer=layer), shape) for layer in (None, cam.finer_layer(checkpoint.model)))
    usual = np.broadcast_to(val_air.mean(axis=0), coarse.shape)
    return {"class activation map": coarse, "the same, finer grid": fine, "the usual place": usual, **localisation.null_baselines(films)}

ill, val_ill = (np.flatnonzero(films.masks["pneumothorax"].any(axis=(1, 2))) for films in (test, validation))
air, val_air = (films.masks["pneumothorax"][rows] for films, rows in ((test, ill), (validation, val_ill)))
maps, val_maps = all_maps(test.images[ill]), all_maps(validation.images[val_ill])
patients, scores = test.patients[ill], checkpoint.predict(test.images[ill])[:, 1]
print(f"{len(ill)} films with air in their mask, of {len(set(patients))} patients. The air fills {air.mean():.1%} of a film. "
      f"Tolerance {tolerance:.1f} pixels.")

# %% tags=["demo"]
def pointing_picture():
    rows = []
    for name, values in maps.items():
        played = pointing_game(values, air, tolerance)
        counted = ~np.isnan(played)
        rows.append((name, *metrics.mean_interval(played[counted], patients[counted])[:3]))
        print(f"{name:22} {metrics.mean_interval(played[counted], patients[counted])}")
    return plots.intervals(rows, "share of films whose map points into the air, 95 % intervals over patients").figure

plots.yours_or_expected(pointing_picture, lambda: checks.pointing_game(pointing_game), "pointing",
    alt="Hit rates with intervals over patients for the class activation map on two grids and for four null baselines. The maps of the network "
        "lie to the right; the usual place comes next, the centred Gaussian, the film itself and noise are close to zero.")

# %% [markdown]
# **How to read this.** First the impostors: they say what is to be had without knowing anything. The air lies at the edge
# of the chest, so a Gaussian in the middle is a poor guess here; for an enlarged heart it would be a very good one (section
# 6). Then the interval: a rate over films of the same patients is less sure than the number of films suggests. And a hit
# says little about *how much* of the air was found. That is the next question.
#
# ## 2. How much of it? Overlap
#
# Cut the map at a threshold, and what is at or above it is a region. **Intersection over union** (IoU) compares it with the
# mask: the pixels in both over the pixels in either. 1 is perfect, 0 is apart. It punishes regions that are too large as well
# as too small, and for thin crescents it is merciless.
#
# ### Exercise: `overlap`  (easy, 10 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# `&` and `|` of two boolean stacks, then count over rows and columns, never over films.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Two arrays (N,) of counts and one division. A film with a mask never has an empty union; which films do you have to treat
# apart?</details>

# %% nbgrader={"grade": false, "grade_id": "overlap", "locked": false, "schema_version": 3, "solution": true, "task": false}
def overlap(maps, masks, threshold):
    """Intersection over union of each map's region with its mask.

    Parameters
    ----------
    maps : float array, (N, H, W)
        With sign.
    masks : bool array, (N, H, W)
        May be empty for some films.
    threshold : float
        In the maps' own units, the same for all films: a pixel at or above it is in the region.

    Returns
    -------
    float array, (N,)
        From 0 to 1; NaN where the mask is empty.

    Example
    -------
    Two pixels in the region, two in the mask, one in both:

    >>> overlap(np.array([[[5.0, 4.0, 1.0]]]), np.array([[[False, True, True]]]), 4.0)
    array([0.33333333])
    """
    ### BEGIN SOLUTION
    areas = np.full(len(maps), np.nan)
    for k, (one, mask) in enumerate(zip(maps, masks)):
        if mask.any():
            region = one >= threshold
            areas[k] = np.sum(region & mask) / np.sum(region | mask)
    return areas
    ### END SOLUTION

# %% tags=["check"]
checks.overlap(overlap)

# %% nbgrader={"grade": true, "grade_id": "overlap-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Intersection over union, film by film, at or above the threshold (2 points).

# %% nbgrader={"grade": true, "grade_id": "overlap-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The threshold is absolute, nothing above it is 0, an empty mask is left out (1 point).

# %% [markdown]
# ### Which threshold?
#
# The one that gives the best number, of course. But best **on which films**? A threshold is a parameter like any other: choose
# it on validation films, report it on test films (01b, once more). Each impostor gets a threshold of its own, chosen in the
# same way; else it would lose by being badly tuned.
#
# ### Exercise: `choose_threshold`  (medium, 12 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# One number for each candidate, from validation only. Then one look at the test films.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `validation` and `test` are pairs; `overlap_of(*validation, t)` gives an array with NaN for films that are left out. NumPy has
# a mean that leaves NaN out. `np.argmax` returns the first of equals.</details>

# %% nbgrader={"grade": false, "grade_id": "choose_threshold", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose_threshold(overlap_of, validation, test, candidates):
    """A threshold chosen on validation films, and what it gives on test films.

    Parameters
    ----------
    overlap_of : function, (maps, masks, threshold) -> float array (N,)
        Such as your `overlap`: one number a film, NaN for a film that is left out.
    validation, test : tuples (maps, masks)
        Arrays (N, H, W) and (M, H, W).
    candidates : list of float
        The thresholds to choose from.

    Returns
    -------
    tuple (threshold, value)
        The candidate with the largest mean overlap on validation, the first of equals; and the mean overlap on test at this
        threshold. Means are over the films that are not left out.

    Example
    -------
    With candidates 1 and 2 and mean overlaps of 0.3 and 0.2 on validation, 0.1 and 0.4 on test: (1, 0.1).
    """
    ### BEGIN SOLUTION
    chosen = max(candidates, key=lambda t: np.nanmean(overlap_of(*validation, t)))
    return float(chosen), float(np.nanmean(overlap_of(*test, chosen)))
    ### END SOLUTION

# %% tags=["check"]
checks.choose_threshold(choose_threshold)

# %% nbgrader={"grade": true, "grade_id": "choose_threshold-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The threshold is the best candidate on validation, and never moves with the test films (2 points).

# %% nbgrader={"grade": true, "grade_id": "choose_threshold-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Reported is the mean over the test films that have a mask (1 point).

# %% tags=["demo"]
def candidates_of(values):
    """Twenty thresholds from the median to the top of what a method's maps hold on validation films."""
    return [float(t) for t in np.quantile(values, np.linspace(0.5, 0.999, 20))]

def overlap_picture():
    rows = []
    for name, values in maps.items():
        threshold, value = choose_threshold(localisation.iou, (val_maps[name], val_air), (values, air), candidates_of(val_maps[name]))
        films = localisation.iou(values, air, threshold)
        kept = ~np.isnan(films)
        interval = metrics.mean_interval(films[kept], patients[kept])
        rows.append((name, value, interval.low, interval.high))
        print(f"{name:22} threshold {threshold:8.2f}   IoU {interval}")
    return plots.intervals(rows, "mean intersection over union with the air, 95 % intervals over patients").figure

plots.yours_or_expected(overlap_picture, lambda: checks.choose_threshold(choose_threshold), "overlaps",
    alt="Mean intersection over union with intervals for the class activation map on two grids and four null baselines, each with its own "
        "threshold from validation. All are far below 1; the network's maps come first.")

# %% [markdown]
# Small numbers, even for a map that points well: a patch of cells cannot have the shape of a crescent. Whether that matters
# depends on what the map is *for*. To call a reader's eye to a side, a hit is enough; as a drawing of the air it is useless.
#
# A toy shows how much the shape costs. The air is known exactly, and still, drawn with the cells of the map:

# %% tags=["demo", "keep_output", "nbval-check-output"]
rows, columns = np.indices((128, 128)) + 0.5
crescent = ((columns - 64) ** 2 + (rows - 64) ** 2 < 50**2) & ((columns - 58) ** 2 + (rows - 64) ** 2 >= 50**2)
for cells in (8, 16, 32, 64):
    share = crescent.reshape(cells, 128 // cells, cells, 128 // cells).mean(axis=(1, 3))
    best = max(localisation.iou(cam.enlarge(share[None], (128, 128)), crescent[None], t)[0] for t in np.linspace(0.02, 0.98, 49))
    print(f"perfect knowledge on {cells:2} x {cells:2} cells: IoU at most {best:.2f}")

# %% [markdown]
# ## 3. You against the map
#
# Now your twenty boxes. They are compared with the **box around the air**, and so is everybody else: a method's box is the one
# around its region at the threshold from validation. A hit of yours is a box whose *centre* lies in the box around the air; a
# method's hit is its strongest pixel there.
#
# This is how Saporta et al. 2022 (Nature Machine Intelligence 4, 867-878) judged seven saliency methods (another word for
# attribution) on chest films: beside radiologists, by hit rate and overlap. Their findings, in words: Grad-CAM, which on a
# network like ours *is* the class activation map (lab 06), localised best of the seven in general; all seven were
# significantly worse than the human benchmark; the gap was largest for findings that are small or have complex shapes; and
# the surer the model, the better Grad-CAM pointed. **Before you run the cell:** who wins here?

# %% tags=["demo"]
chosen = boxes.choose(test.labels, test.patients, 20, seed=5)  # the films of 05a
where = np.searchsorted(ill, chosen)
truth, val_truth = boxes.around(air[where]), boxes.around(val_air)

def box_overlap(values, masks, threshold):
    return localisation.iou(1.0 * boxes.around(values >= threshold), masks, 0.5)

others = {}
for name, values in maps.items():
    best = max(candidates_of(val_maps[name]), key=lambda t: box_overlap(val_maps[name], val_truth, t).mean())
    others[name] = (localisation.pointing_hits(np.maximum(values[where], 0), truth), box_overlap(values[where], truth, best))
    print(f"{name:22} hits {others[name][0].sum():2} of 20, mean IoU of its boxes {others[name][1].mean():.2f}")

# %% tags=["demo"]
def against_you():
    drawn = np.array([boxes.read("my_boxes.txt")[n] for n in range(1, 21)])
    yours = boxes.centre_hits(drawn, truth), localisation.iou(1.0 * boxes.fill(drawn, shape), truth, 0.5)
    fig, axes = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True)
    for ax, k, label in zip(axes, (0, 1), ("hit rate: points into the box around the air", "mean IoU of boxes")):
        table = {"you": yours, **others}.items()
        plots.intervals([(name, *metrics.mean_interval(pair[k], test.patients[chosen])[:3]) for name, pair in table], label, ax)
    fig.tight_layout()
    hit = others["class activation map"][0]
    print(f"You hit {yours[0].sum()} of 20, mean IoU {yours[1].mean():.2f}. You alone hit {np.sum(yours[0] & ~hit)}, the map alone {np.sum(~yours[0] & hit)}.")
    return fig

plots.yours_or_expected(against_you, lambda: [boxes.read("my_boxes.txt")[n] for n in range(1, 21)], "against_you",
    alt="Two panels with intervals over twenty patients: the hit rate and the mean overlap of boxes, for a person's boxes, for the class activation "
        "map on two grids, and for four null baselines.")

# %% tags=["demo"]
try:
    drawn = boxes.read("my_boxes.txt")
except (FileNotFoundError, ValueError) as reason:
    print(f"{reason} Below are the films with the air only.")
    drawn = {}
fig, axes = plt.subplots(2, 5, figsize=(13, 5.6), layout="constrained")
unsure = np.argsort(others["class activation map"][1], kind="stable")[:10]  # where the map's box fits worst
for ax, n in zip(axes.flat, unsure):
    plots.film(test.images[chosen[n]], f"film {n + 1}", ax)
    ax.contour(air[where[n]], levels=[0.5], colors=[plots.ORANGE], linewidths=1)
    row, column = np.unravel_index(maps["class activation map"][where[n]].argmax(), shape)
    ax.plot(column, row, "x", color=plots.VERMILION, ms=9, mew=2)
    if n + 1 in drawn:
        x, y, w, h = np.array(drawn[n + 1]) * np.tile(shape[::-1], 2) / 100
        ax.add_patch(plt.Rectangle((x, y), w, h, fill=False, ec=plots.GREEN, lw=1.5))
plots.show(fig, alt="The ten of the twenty films on which the map's box fits worst. Orange outline: the air. Red cross: where the class activation "
           "map is strongest. Green rectangle: the box that a person drew, where there is one.")

# %% [markdown]
# **How to read this.** Twenty films are few: look at the intervals before you look at who is ahead. Then look at *where*
# you and the map disagree. You know what a pneumothorax is, and the map has cells that are wider than most of it. But the
# map had something that you had not: on every film it was asked the same question by the same rule, and it never got tired.
#
# One more thing is unfair, and to the map's favour: the films are phantoms, drawn by one program, and the network has seen a
# thousand of them. **Phantoms flatter.** For pneumothorax on held-out NIH films the TorchXRayVision project publishes AUROCs of
# 0.75 and 0.84 (its BENCHMARKS.md of July 2023); compare that with the AUROC on this checkpoint's card. A map cannot be better
# than the network behind it.
#
# ## 4. A gallery of failures, by a rule
#
# Picking failures by taste finds what one expects. A rule finds the others. Two kinds are worth looking at:
#
# - **wrong place**: the film is *called*, rightly, and the map points elsewhere. The answer is right for another reason than
#   the air, or the map is too coarse.
# - **not called**: the map points into the air and the film is *not called*. The network saw something there and was outvoted.
#
# ### Exercise: `failures`  (bonus, easy, 10 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Two boolean arrays, two lists of rows, two sorts in opposite directions.</details>
#
# <details><summary>Hint 2: the shape</summary>
# NaN is equal to nothing: `hits == 0` and `hits == 1` both leave it out. `np.argsort` of minus the scores sorts from high to
# low.</details>

# %% nbgrader={"grade": false, "grade_id": "failures", "locked": false, "schema_version": 3, "solution": true, "task": false}
def failures(scores, hits, threshold, count):
    """Films to look at, of two kinds, the clearest first.

    Parameters
    ----------
    scores : float array, (N,)
        Of films that all have the finding. A film is called where its score is at or above the threshold.
    hits : float array, (N,)
        1 where the map points into the finding, 0 where it does not, NaN where this is not known.
    threshold : float
    count : int
        At most so many films of each kind.

    Returns
    -------
    dict
        "wrong place": rows of films that are called although the map misses, highest score first. "not called": rows of films that
        are not called although the map hits, lowest score first. Films with NaN are in neither.

    Example
    -------
    >>> failures(np.array([0.9, 0.8, 0.1]), np.array([0.0, 1.0, 1.0]), 0.5, 5)
    {'wrong place': [0], 'not called': [2]}
    """
    ### BEGIN SOLUTION
    order = np.argsort(scores, kind="stable")
    silent = [int(row) for row in order if scores[row] < threshold and hits[row] == 1]
    misplaced = [int(row) for row in order[::-1] if scores[row] >= threshold and hits[row] == 0]
    return {"wrong place": misplaced[:count], "not called": silent[:count]}
    ### END SOLUTION

# %% tags=["check"]
checks.failures(failures)

# %% nbgrader={"grade": true, "grade_id": "failures-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Both kinds by the rule, films without a mask in neither (0 points).

# %% nbgrader={"grade": true, "grade_id": "failures-2", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# The clearest first, at most as many as were asked for (0 points).

# %% tags=["demo"]
heat = maps["class activation map"]
hits = localisation.pointing_hits(np.maximum(heat, 0), air, tolerance)
limit = float(np.quantile(np.abs(heat), 0.999))

def gallery():
    found = failures(scores, hits.astype(float), checkpoint.threshold, 4)
    rows = [row for kind in found.values() for row in kind]
    names = [f"{kind}\nscore {scores[row]:.2f}" for kind, some in found.items() for row in some]
    print({kind: len(some) for kind, some in failures(scores, hits.astype(float), checkpoint.threshold, len(ill)).items()}, "of", len(ill), "films")
    return plots.evidence(test.images[ill[rows]], heat[rows], names, limit=limit, outlines=air[rows])

plots.yours_or_expected(gallery, lambda: checks.failures(failures), "failures",
    alt="Up to eight films with the outline of the air and their maps on one scale: first those that are called although the map is strongest elsewhere, "
        "then those that are not called although it is strongest in the air.")

# %% [markdown]
# How far off are the "wrong places": on the other side, or just beside the outline? A map whose cells are wider than the air
# often has its maximum at the *border* of air and lung, which may well be what the network looks at. The rule counts it as a
# miss all the same; a rule that is bent for films that one understands is none.
#
# **Look for what they have in common** before you read on: the size of the air, its side, a line across the film that is no
# pleura, a tube. Name a suspicion, in a form that could turn out wrong.
#
# ## 5. The drain
#
# Nearly half of the ill films here show a **chest drain**, and few of the healthy ones. A drain is how a pneumothorax is
# treated: whoever has one has probably had air in there, and a network that looks for the tube scores well without knowing
# what that is (Oakden-Rayner et al. 2020, arXiv 1909.12475, found such a hidden stratum in public films). Does ours? Two
# ways to ask: *what does the map say*, and *what happens if the drain goes*.
#
# For the first there is something better than a hit rate. The logit is the **mean** of the map, plus a bias. So every region of
# the film gave an exact *part* of the logit: the sum of the map in the region, over the number of pixels of the **film**. Air,
# drain and the rest add up.
#
# ### Exercise: `logit_parts`  (medium, 12 minutes)
#
# Split the logit among regions. Where regions overlap (a drain lies in the air) a pixel belongs to the **first** that
# claims it.
#
# <details><summary>Hint 1: the idea</summary>
# Keep a mask of pixels that are still free. Each region takes its free pixels and leaves fewer to the next; what nobody took is
# elsewhere.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `(maps * mine).sum(axis=(1, 2))` is (N,). Divide by height times width of the film, never by the size of the region: then the
# parts add up to the mean of the map.</details>

# %% nbgrader={"grade": false, "grade_id": "logit_parts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def logit_parts(maps, regions):
    """The part of the logit that each region gave.

    Parameters
    ----------
    maps : float array, (N, H, W)
        Class activation maps at the size of the film; their means, plus the bias, are the logits.
    regions : dict, name -> bool array (N, H, W)
        In order of precedence. They may overlap, and may be empty for some films.

    Returns
    -------
    dict, name -> float array (N,)
        For each region, and for "elsewhere" (all pixels that no region claims): the sum of the map over its pixels, divided by
        the number of pixels of the film. The parts add up to the mean of the map.

    Example
    -------
    Four pixels, two of them air: (4 + 2) / 4 and (-1 + 0) / 4.

    >>> logit_parts(np.array([[[4.0, 2.0, -1.0, 0.0]]]), {"air": np.array([[[True, True, False, False]]])})
    {'air': array([1.5]), 'elsewhere': array([-0.25])}
    """
    ### BEGIN SOLUTION
    unclaimed = np.ones(maps.shape, bool)
    parts = {}
    for name, mask in regions.items():
        parts[name] = np.mean(maps * (mask & unclaimed), axis=(1, 2))
        unclaimed &= ~mask
    parts["elsewhere"] = np.mean(maps * unclaimed, axis=(1, 2))
    return parts
    ### END SOLUTION

# %% tags=["check"]
checks.logit_parts(logit_parts)

# %% nbgrader={"grade": true, "grade_id": "logit_parts-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The parts add up to the logit without its bias, for any number of regions (2 points).

# %% nbgrader={"grade": true, "grade_id": "logit_parts-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A pixel counts for the first region that claims it, with its sign (1 point).

# %% tags=["demo"]
drained = test.attributes["drain"].to_numpy(bool)[ill]
near_drain = np.stack([distance_transform_edt(~mask) <= tolerance for mask in test.masks["drain"][ill]])
lines = {}
for name, some in (("with a drain", drained), ("without", ~drained)):
    lines[name] = {"films": some.sum(), "patients": len(set(patients[some])), "called": f"{np.mean(scores[some] >= checkpoint.threshold):.0%}",
                   "map points into the air": str(metrics.mean_interval(hits[some], patients[some])),
                   "mean size of the air": f"{air[some].mean():.1%} of the film"}
at_drain = localisation.pointing_hits(np.maximum(heat[drained], 0), test.masks["drain"][ill][drained], tolerance)
print(f"of {drained.sum()} films with a drain the map points at the drain in {at_drain.sum()}, into the air in {hits[drained].sum()}, "
      f"at both in {np.sum(at_drain & hits[drained])}, at neither in {np.sum(~at_drain & ~hits[drained])}")
pd.DataFrame(lines).T

# %% tags=["demo"]
def parts_picture():
    parts = logit_parts(heat, {"drain and 2 % around": near_drain, "air": air})
    fig, axes = plt.subplots(1, 2, figsize=(10, 2.8), sharex=True, sharey=True)
    for ax, title, some in zip(axes, ("ill, with a drain", "ill, without"), (drained, ~drained)):
        plots.intervals([(name, *metrics.mean_interval(values[some], patients[some])[:3]) for name, values in parts.items()],
                        "part of the logit of pneumothorax", ax)
        ax.axvline(0, color=plots.GREY, ls=":")
        ax.set_title(f"{title}: {some.sum()} films", fontsize=9)
    area = {"drain": near_drain[drained].mean(), "air": (air & ~near_drain)[drained].mean()}
    print("share of the film with a drain:", *[f"{name} {value:.1%}" for name, value in area.items()])
    fig.tight_layout()
    return fig

plots.yours_or_expected(parts_picture, lambda: checks.logit_parts(logit_parts), "parts",
    alt="Mean parts of the logit with intervals over patients, for the region of the drain, the air, and the rest of the film; left for ill films with a drain, "
        "right for those without, where the drain's part is zero by definition.")

# %% [markdown]
# **Read it with the areas beside it.** Most of the logit may come from *elsewhere*: the patches are wider than air and drain
# together, and the rest of the film is large. What does the drain's narrow region give, against its area? Is the rest larger
# with a drain than without?
#
# **Before you conclude anything**: the drain lies *in* the air, in patients with other amounts of air, and a cell of the map
# covers both. The map cannot tell them apart. It is a suspicion, in numbers.
#
# ### Take it away
#
# A phantom can be drawn again: the same patient, the same air, the same noise, **without** the drain; and healthy films
# **with** one. Everything else is equal, pixel for pixel. What changes is what the drain did, measured in *log-odds*: the
# difference of the two logits, which the softmax turns into a probability. (The healthy films are the first sixteen without a
# drain in the test set, the ill ones the first sixteen with one; no score was looked at.)

# %% tags=["demo"]
healthy = np.flatnonzero((test.labels == 0) & ~test.attributes["drain"].to_numpy(bool))[:16]
tubed = ill[drained][:16]
pairs = {"ill, drain taken away": (tubed, phantom_films.redrawn("test", tubed, shape[0], drain=False)),
         "healthy, drain put in": (healthy, phantom_films.redrawn("test", healthy, shape[0], drain=True))}
for name, (rows, changed) in pairs.items():
    before, after = (checkpoint.predict(films)[:, 1] for films in (test.images[rows], changed))
    shift = metrics.logits_of(after) - metrics.logits_of(before)
    crossed = np.sum((before >= checkpoint.threshold) != (after >= checkpoint.threshold))
    print(f"{name}: log-odds change by {metrics.mean_interval(shift, test.patients[rows])}; {crossed} of {len(rows)} films cross the threshold")

# %% tags=["demo"]
rows, changed = pairs["healthy, drain put in"]
both = np.stack([test.images[rows], changed])
scored = [checkpoint.predict(films)[:, 1] for films in both]
most = np.argsort(scored[0] - scored[1], kind="stable")[:3]  # where the score rises most
films = both[:, most].transpose(1, 0, 2, 3).reshape(-1, *shape)
titles = [f"{what}\nscore {scored[k][n]:.2f}" for n in most for k, what in enumerate(("healthy", "drain put in"))]
plots.show(plots.evidence(films, cam.enlarge(cam.maps(checkpoint.model, films), shape), titles, limit=limit),
           alt="Three healthy films, each as it is and with a chest drain drawn in, with their maps on one scale. Scores stand in the titles; the films are those "
               "of sixteen whose score rises most.")

# %% [markdown]
# **How to read this.** If the log-odds of healthy films rise when a tube is drawn in, the network takes a drain for a sign of
# air, whatever the map of any single film suggested. How large is that rise, against the difference between ill and healthy
# films? Does the map show it, at the place where the tube came in? A map *raises* a suspicion; the changed film *decides* it
# (lab 03).
#
# ## 6. Boxes by radiologists, and hearts
#
# On real films nobody has exact masks. NIH ChestX-ray14 comes with 984 boxes that radiologists drew, 98 of them around a
# pneumothorax and 146 around an enlarged heart. On phantoms a box is put around the exact mask instead, so that the same code
# runs on both; the output says which it was.
#
# The cell plays the pointing game against boxes, for air and for hearts. Lab 01's network does not end in a global average and
# has no class activation map; input x gradient from lab 02 stands in for it, smoothed, on at most two dozen films. **Predict**
# first: how well does the centred Gaussian do on hearts?

# %% tags=["demo"]
def boxed(fetch, finding, mask, most=24):
    """Positive films whose box is known, from the first split that has any."""
    for split in ("test", "validation", "train"):
        films = fetch(split=split)
        rows, found, origin = boxes.of_films(films, finding, mask)
        keep = np.flatnonzero(films.labels[rows] == 1)[:most]
        if len(keep):
            print(f"{finding}: {len(keep)} films of the {split} split ({films.card['source']}), boxes {origin}")
            return films.images[rows[keep]], found[keep]
    print(f"{finding}: no box is known for any of these films.")
    return None

def smoothed_product(films):
    from scipy.ndimage import gaussian_filter

    network = medxai.load_checkpoint(f"cardiomegaly-{data_fetch.profile().name}").model
    product = medxai.create_analyzer("input_t_gradient", network).analyze(to_network_input(films), target=1).sum(axis=-1)
    return np.stack([gaussian_filter(one, 0.04 * films.shape[2]) for one in product])

# %% tags=["demo"]
methods = {"Pneumothorax": (data_fetch.fetch_pneumothorax, "pneumothorax", "class activation map", lambda films: cam.enlarge(cam.maps(checkpoint.model, films), films.shape[1:])),
           "Cardiomegaly": (data_fetch.fetch_cardiomegaly, "heart", "input x gradient, smoothed", smoothed_product)}
for finding, (fetch, mask, name, explain) in methods.items():
    known = boxed(fetch, finding, mask)
    if known is None:
        continue
    films, filled = known
    for label, values in {name: explain(films), **localisation.null_baselines(films)}.items():
        hit = localisation.pointing_hits(np.maximum(values, 0), filled)
        print(f"   {label:28} {hit.sum():2} of {len(hit)}   (the boxes fill {filled.mean():.0%} of a film)")

# %% [markdown]
# **What you should see.** For hearts the centred Gaussian wins or nearly so: hearts are large and in the middle. A hit rate of
# 80 % for cardiomegaly is worth nothing before this number stands beside it. For air the Gaussian has little, so there a hit
# rate means something. *The same metric, two findings, two meanings.*
#
# ## What these numbers do not tell you
#
# - **Whether the network looks at the air.** A cell over the air also holds the pleural line, the drain and the ribs.
# - **Whether map or model is to blame.** A miss may be a good map of a network that looks elsewhere. All scores here judge both
#   together.
# - **What happens on real films.** Phantoms have one kind of pneumothorax, one machine, and no typing errors.
# - **Whether a reader profits.** Nobody was asked to decide anything with these maps.
#
# ## Recap
#
# - Write the rules of the pointing game down: sign, ties, blank maps, empty masks, tolerance.
# - Thresholds come from validation, for the impostors too.
# - No localisation score without a centred Gaussian, the film and noise beside it; and a human, if you can get one.
# - A class activation map splits its logit exactly among regions. That raises suspicions; a changed film decides them.
# - Failures by a rule, with counts.

# %% [markdown] nbgrader={"grade": true, "grade_id": "verdict", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `verdict`  (4 points, marked by a person, 15 minutes)
#
# The hospital's ward round wants the map printed beside each call "so that we see why". Answer in about ten sentences, with
# numbers from *your* notebook: how often does the map point right, with interval, and what do the impostors reach? How do you
# compare, on the twenty films? What did you find out about the drain, by the map and by the changed films, and why do you need
# both? What may a doctor conclude from a map that points at the air, and what not?
#
# ### BEGIN SOLUTION
# *Model answer.* On a test films with air the map's maximum lies in the air, with a tolerance of 2 % of the width, in a.a (b.b
# to c.c over patients); the centred Gaussian reaches d.d, the film e.e, noise f.f, so the map knows something. As a drawing it
# is poor: IoU g.g, and a perfect map with such cells could not have much more than what the toy showed. On the twenty films I
# hit h and the map i, with intervals that overlap, so I cannot say who is better; we disagree on small apical collapses, where
# I found the line and the map a cell too low. With a drain the map points into the air in j.j of the films, without in k.k; the
# region around the drain gave l.l of the logit on m % of the area. That is a suspicion only, because drains lie in the air and
# treated patients have other films. Drawn again without its drain, a film's log-odds changed by n.n (o.o to p.p), and a drain
# put into healthy films raised them by q.q, so the network does use the tube, as a part of its evidence (or: hardly). A doctor
# may conclude where on the film the evidence of *this network* was highest, roughly. Not that air is there, not that it was the
# air rather than the tube, not that a pale map means a healthy lung, and nothing about real films before the same counts are
# made there.
#
# *Rubric.* 1 point: hit rate with interval and null baselines from the own notebook. 1 point: own boxes compared with the map,
# with the uncertainty of twenty films. 1 point: the drain by both ways, and why the map alone cannot decide (overlap, coarse
# cells, other patients). 1 point: a conclusion that a doctor may draw and one that they may not, with reason.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - J. Zhang et al.: Top-down neural attention by excitation backprop. ECCV 2016, arXiv 1608.00507. The pointing game.
# - A. Saporta et al.: Benchmarking saliency methods for chest X-ray interpretation. Nature Machine Intelligence 4, 867-878,
#   2022.
# - X. Wang et al.: ChestX-ray8: hospital-scale chest X-ray database and benchmarks. CVPR 2017, arXiv 1705.02315. The films,
#   the labels and the boxes.
# - L. Oakden-Rayner et al.: Hidden stratification causes clinically meaningful failures in machine learning for medical
#   imaging. ACM CHIL 2020, arXiv 1909.12475.
#
# **Next:** lab 06 makes the same kind of map for networks that do not end so conveniently, and shows what else can go wrong.
