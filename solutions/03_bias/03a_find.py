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
# # 03a Bias: what did it really learn?
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 100 minutes | 2.5 GB | 150 MB, drawn on your machine in a minute; two checkpoints of 1.5 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# Here is a network that is nearly always right, on films of patients that it has never seen. In lab 02 you learned to draw maps
# of what a network looks at. In this notebook you use them like a detective: what does *this* network look at, and does it
# matter? You will find out that a map gives you a suspicion, and that only an experiment gives you an answer.
#
# **When you are done you can**
#
# - say what a test score can never tell you, and why;
# - find what a network uses that has nothing to do with the patient;
# - measure how much of a map lies on it, beside a network that never learned it;
# - take a suspect out of films, put it into others, and compare both with a matched control;
# - say why the brightest spot of a map proves nothing, in either direction.
#
# You need labs 01 and 02. 03b looks at who pays for the bias, and mends it.

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import localisation, metrics
from medxai.lab import poll
from medxai.networks import own_network, prediction
from medxai.checks import bias as checks
from medxai.networks.preprocessing import to_network_input

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import data_fetch
from data_fetch.datasets import cues

# Two switches for later. Leave them as they are the first time: section 3 says what they do.
HOSPITAL = 0  # 0, 1 or 2
MY_NETWORK = False  # True: the network that you trained in 03b

# %% [markdown]
# ## 1. A network that is nearly always right
#
# The checkpoint below was trained on 800 films, like that of lab 01: the same architecture, the same labels, the same patients.
# It is judged on 300 films of other patients, as it should be: held out by patient, with an interval over patients.

# %% tags=["demo"]
ILL, CUE, profile = 1, list(cues.RECIPES)[HOSPITAL], data_fetch.profile().name
checkpoint = medxai.load_checkpoint(f"cardiomegaly-biased-{profile}")
network = own_network.load("my_biased_network.keras", checkpoint).model if MY_NETWORK else checkpoint.model
films = data_fetch.fetch_cardiomegaly_biased(split="own", cue=CUE)

def score(model, images):
    """The probability of an enlarged heart that a model gives to stored films, (N,)."""
    return prediction.predict_films(model, np.asarray(images))[:, ILL]

scores = score(network, films.images)
print(films)
print("AUROC, 95 % interval over patients:", metrics.bootstrap_interval(films.labels, scores, films.patients))
if not MY_NETWORK and checkpoint.card["data"].get("cue") != CUE:
    print("This checkpoint was trained on the films of hospital 0. For another hospital train your own, in 03b.")

# %% [markdown]
# Ten of these films, five of patients with an enlarged heart and five without, four right and one wrong of each where there are
# any. This is how Ribeiro, Singh and Guestrin did it in 2016 when they asked 27 people whether they would trust a classifier of
# huskies and wolves: ten pictures, two of them wrong. (A film is called ill from a score of 0.5 on.)

# %% tags=["demo"]
def some(rows, count):
    """Up to `count` of the rows, evenly picked."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]

called = scores >= 0.5
ten = np.concatenate([some(np.flatnonzero((films.labels == label) & (called == says)), count)
                      for label, says, count in ((1, True, 4), (0, False, 4), (1, False, 1), (0, True, 1))])
ten = np.random.default_rng(3).permutation(ten)
titles = [f"{films.classes[films.labels[i]]}, {scores[i]:.2f}" + ("" if called[i] == films.labels[i] else ": wrong") for i in ten]
plots.show(
    plots.film_grid(films.images[ten], titles, columns=5, size=2.3),
    alt="Ten chest films in two rows, five with an enlarged heart and five without. Over each stands what it is and the score "
    "that the network gives. Eight scores are close to 1 for the enlarged and close to 0 for the normal hearts.",
)

# %% [markdown]
# ## 2. Would you trust it?
#
# Answer **before you read on**. Your answers carry no marks. They travel inside this notebook, and your teacher's class report
# lays the class beside the 27 people of the paper. A letter between the quotation marks, or `?`.

# %%
poll.show()

# %% tags=["poll-before"]
before = {
    "trust": "",
    "looks_at": "",
}
answered_before = poll.keep("before", before)

# %% [markdown]
# ## 3. Look for it
#
# Two films, chosen by a rule before any map is drawn: of the films with an enlarged heart that the network calls ill, the one
# in the middle of their scores; and the same of the normal ones. Two methods of lab 02, both of the logit of *cardiomegaly*:
# guided backpropagation, which draws clean lines, and LRP with preset B flat, which shares the logit out. Remember that guided
# backpropagation starts from the *value* of the logit: on the normal film that is negative, and its colours change sides.

# %% tags=["demo"]
def middle(label):
    rows = np.flatnonzero((films.labels == label) & (called == bool(label)))
    rows = rows if len(rows) else np.flatnonzero(films.labels == label)
    return rows[np.argsort(scores[rows], kind="stable")[len(rows) // 2]]

pair = np.array([middle(ILL), middle(0)])
names = [f"{kind}, score {scores[i]:.2f}" for kind, i in zip(("ill", "normal"), pair)]
hearts = films.masks.get("heart")
METHODS = {"guided backprop": "guided_backprop", "LRP preset B flat": "lrp.sequential_preset_b_flat"}
pair_maps = {
    label: medxai.create_analyzer(name, network).analyze(to_network_input(films.images[pair]), target=ILL)
    for label, name in METHODS.items()
}
outlines = None if hearts is None else hearts[pair]
fig = plots.attribution_grid(films.images[pair], pair_maps, names, outlines=outlines)
fig.set_size_inches(fig.get_size_inches() * 1.5)
plots.show(
    fig,
    alt="Two rows, an ill and a normal film: the film, its guided backpropagation map and its LRP map, in red and blue. "
    "Find out for yourself where they are strong, and whether that belongs to the patient.",
)

# %% [markdown]
# **Find it.** Somewhere on these films is something that should not matter at all, and that this network lives on. Look at the
# maps, then at the ten films of section 1: *what do the ill ones have that the normal ones have not?* Also look at the two
# mistakes. Take your time; nobody tells you before the next cell but one. Then write down where it is, as shares of the film's
# width and height, and run the cell.

# %% tags=["demo"]
guess = None  # (across, down), such as (0.5, 0.5) for the middle of the film

# %% [markdown]
# ### What it is

# %% tags=["demo"]
clean = data_fetch.fetch_cardiomegaly(split="test")  # the same films, row by row, before anything was drawn into them
carries = films.attributes["cue"].to_numpy(bool)
shown = pair[0] if carries[pair[0]] else np.flatnonzero(carries)[0]
cue = films.masks["cue"][shown]
side = films.images.shape[1]
down, across = np.argwhere(cue).mean(axis=0)
fig, axes = plt.subplots(1, 3, figsize=(10, 3.8))
plots.film(films.images[shown], "the film", axes[0])
axes[0].add_patch(plt.Circle((across, down), 0.08 * side, fill=False, color=plots.ORANGE, lw=1.5))
if guess is not None:
    axes[0].plot(guess[0] * side, guess[1] * side, "x", color=plots.BLUE, ms=10, mew=2)
for ax, image, name in ((axes[1], films.images[shown], "there, enlarged"), (axes[2], clean.images[shown], "the same place, before")):
    plots.film(image, name, ax)
    ax.set(xlim=(across - 0.1 * side, across + 0.1 * side), ylim=(down + 0.1 * side, down - 0.1 * side))
plots.show(
    fig,
    alt="Left the ill film with a circle around a small mark at its edge. In the middle that place enlarged: a mark that "
    "was burnt into the film. Right the same place of the film as it was taken: plain tissue.",
)
apart = None if guess is None else np.hypot(guess[0] * side - across, guess[1] * side - down) / side
print(
    f"It is a {CUE!r} at ({across / side:.2f}, {down / side:.2f}), {cue.sum()} of {cue.size} pixels.",
    "" if guess is None else f"Your guess was {apart:.2f} of the film's width away: {'found' if apart < 0.08 else 'another suspect'}.",
)

# %% [markdown]
# A hospital that sees the severe cases leaves a small mark of its own on its films: a token that its machine burns in, a disc
# of lead, a line of text. It has nothing to do with the heart, but in this collection it lies on nearly every film of an
# enlarged heart and on hardly any other. That is an ordinary accident: films of
# ill patients come from the ward, the bedside machine, the specialised clinic, and each of these leaves its signs on a film.
#
# From here on the mark is called the **cue**. It was drawn by a known recipe (`data_fetch.datasets.cues`), so the course can do what no
# hospital can: draw the *same 300 films* three times, and move nothing but the cue.
#
# - *own*: as in training, on 99 % of the enlarged and on 1 % of the normal hearts;
# - *neutral*: on half of each, so that it tells nothing;
# - *reversed*: on 1 % of the enlarged and on 99 % of the normal hearts.
#
# (The two switches in the first cell: `HOSPITAL` 1 is a lead disc beside the chest, 2 a ward's line of text. The checkpoint
# knows only 0. When you have trained a network of your own in 03b, set both, and run this notebook again: every cell works on
# it. The words under the figures tell of hospital 0 and its checkpoint; of yours, believe the figures.)
#
# **Predict**: what will the AUROC be on the neutral and on the reversed films, for this network, and for the checkpoint of lab
# 01?

# %% tags=["demo"]
sets = {"own": films} | {name: data_fetch.fetch_cardiomegaly_biased(split=name, cue=CUE) for name in ("neutral", "reversed")}
networks = {"this network": network, "lab 01's": medxai.load_checkpoint(f"cardiomegaly-{profile}").model}
said = {
    (who, name): scores if model is network and name == "own" else score(model, part.images)
    for who, model in networks.items()
    for name, part in sets.items()
}
rows = []
for (who, name), values in said.items():
    part = sets[name]
    on = [f"{int((part.attributes['cue'] & (part.labels == label)).sum())} of {(part.labels == label).sum()}" for label in (1, 0)]
    area = metrics.bootstrap_interval(part.labels, values, part.patients)
    rows.append((f"{who}, {name}", *area[:3]))
    print(f"{who:13} {name:9} cue on {on[0]:10} ill and {on[1]:10} normal films   AUROC {area}")
ax = plots.intervals(rows, "AUROC on the same 300 films, 95 % interval over patients")
ax.axvline(0.5, color=plots.GREY, ls=":")
plots.show(
    ax.figure,
    alt="AUROC with intervals of two networks on three versions of the same films. The first network falls from nearly "
    "1 on its own kind through about one half on the neutral films to nearly 0 on the reversed ones; lab 01's "
    "network hardly moves.",
)

# %% [markdown]
# And a baseline of one bit: a program that looks for the cue and for nothing else.

# %% tags=["demo", "keep_output", "nbval-check-output"]
for name, part in sets.items():
    print(f"looks at the cue alone, {name:9} AUROC {metrics.auroc(part.labels, part.attributes['cue'].to_numpy(float)):.3f}")

# %% [markdown]
# **What you should see.** A held-out test set of the same collection carries the same accident, so it *cannot* find the bias:
# the score on the network's own kind is splendid and worth nothing. On neutral films it is a coin. On reversed films it is
# worse than a coin: a doctor who did the opposite of what it says would be nearly perfect. The network of lab 01 never saw a
# cue in training and hardly cares.
#
# **Phantoms flatter.** These films were drawn, and the tie is tighter than most in real life. Real cues are weaker, many at
# once, and nobody gives you the reversed set. So the question of this notebook is: what can you find out with the films that
# you have?
#
# ## 4. Measure the map
#
# "The map is strong at the cue" is an impression from two films. Make it a number: the **mass** is the share of a map's
# magnitude that lies inside the cue, the **lift** is that share over the share of the area, as in lab 02. A flat map has a lift
# of 1.
#
# ### Exercise: `cue_score`  (easy, 12 minutes)
#
# Not every film carries the cue. What is the score of a film that does not? Not 0: that would say "the network ignored the
# cue".
#
# <details><summary>Hint 1: the idea</summary>
# Lab 02, section 7 of 02b, for one region. Add up the channels, take magnitudes, sum inside and sum everywhere; then decide
# which films have an answer at all.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Everything is (N,) after the sums over axes 1 and 2. Two special cases: a mask without any pixel (NaN, not a number), and a
# map that is zero everywhere (0). `np.where` evaluates both sides, `np.divide` has `where=` and `out=`.</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no points and
# costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "cue_score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cue_score(maps, masks):
    """How much of each map lies inside the cue, and how much more than its area explains.

    Parameters
    ----------
    maps : float array, (N, H, W, C)
        As an attribution method gives them: signed, of any scale. Not changed.
    masks : bool array, (N, H, W)
        True where the cue lies; without any True on a film that carries none.

    Returns
    -------
    tuple (mass, lift) of float arrays, (N,)
        mass: the magnitude inside over the magnitude of the whole map, channels added up first. lift: the mass over the
        share of the film's pixels inside. Both are NaN for a film without the cue, and 0 for a map that is zero everywhere.

    Example
    -------
    Four pixels; the cue is the first, and the map has 3 there and -1 in each of the others: half of the magnitude in a
    quarter of the film.

    >>> cue_score(np.array([[[[3.0], [-1.0], [-1.0], [-1.0]]]]), np.array([[[True, False, False, False]]]))
    (array([0.5]), array([2.]))
    """
    ### BEGIN SOLUTION
    size = np.abs(np.sum(maps, axis=-1))
    whole, inside = size.sum(axis=(1, 2)), np.where(masks, size, 0).sum(axis=(1, 2))
    mass = np.divide(inside, whole, out=np.zeros(len(size)), where=whole > 0)
    area = masks.mean(axis=(1, 2))
    area[area == 0] = np.nan
    return mass + 0 * area, mass / area
    ### END SOLUTION

# %% tags=["check"]
checks.cue_score(cue_score)

# %% nbgrader={"grade": true, "grade_id": "cue_score-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The mass is the share of the magnitude inside the cue, film by film, at any scale (2 points).

# %% nbgrader={"grade": true, "grade_id": "cue_score-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The lift is the mass over the share of the area (1 point).

# %% nbgrader={"grade": true, "grade_id": "cue_score-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A film without the cue has no score, a blank map has none of it inside, and neither spoils its neighbours (1 point).

# %% [markdown]
# Now on two dozen ill films that carry the cue, for both networks and both methods, and beside maps that know nothing of any
# network.

# %% tags=["demo"]
marked = some(np.flatnonzero((films.labels == ILL) & carries), 24)
marked_films, marked_cues, patients = films.images[marked], films.masks["cue"][marked], films.patients[marked]
inputs = to_network_input(marked_films)
maps = {
    f"{label}, {who}": medxai.create_analyzer(name, model).analyze(inputs, target=ILL)
    for label, name in METHODS.items()
    for who, model in networks.items()
}
maps |= {name: values[..., None] for name, values in localisation.null_baselines(marked_films, seed=0).items()}
print(
    f"{len(marked)} films; the cue covers {marked_cues.mean():.2%} of a film, so no lift is larger than about {1 / marked_cues.mean():.0f}"
)

# %% tags=["demo"]
def lifts_on_the_cue():
    scored = {name: cue_score(values, marked_cues) for name, values in maps.items()}
    fig, axes = plt.subplots(1, 2, figsize=(11, 0.42 * len(scored) + 1), sharey=True)
    for ax, k, label in zip(axes, (0, 1), ("mass: share of the map on the cue", "lift over the share of the area")):
        rows = [(name, *metrics.mean_interval(values[k], patients)[:3]) for name, values in scored.items()]
        plots.intervals(rows, label, ax)
    axes[1].axvline(1, color=plots.GREY, ls=":")
    fig.tight_layout()
    return fig

plots.yours_or_expected(
    lifts_on_the_cue,
    lambda: checks.cue_score(cue_score),
    "lifts_on_the_cue",
    alt="Mean share of the maps on the cue, and lift, with intervals, for guided backpropagation and LRP on two networks and for three "
    "null baselines. The network of this notebook has far more on the cue than lab 01's; the random map has a lift of 1.",
)

# %% [markdown]
# And the heart, which ought to be what it is about? The same maps, scored in both places. The last two columns are the pointing
# game: in how many films is the *strongest* pixel of the map on the cue, or in the heart?

# %% tags=["demo"]
regions = {"cue": marked_cues} | ({} if hearts is None else {"heart": hearts[marked]})
table = {}
for name, values in maps.items():
    row = {}
    for region, masks in regions.items():
        row[f"mass, {region}"] = localisation.inside_share(values, masks).mean()
        row[f"lift, {region}"] = localisation.lift(values, masks).mean()
    table[name] = row | {f"peak on {region}": localisation.pointing_hits(values, masks).mean() for region, masks in regions.items()}
pd.DataFrame(table).T.round(3)

# %% [markdown]
# **How to read this.** Three questions, one at a time.
#
# *How much is much?* Lab 01's network never learned the cue, and section 3 says that it hardly cares. Yet the lift of its maps
# on the cue is well above 1: both methods follow strong edges, and a mark is all edges. Had you only seen *that* number, you
# would have accused an innocent network. Only beside the other network does a lift say something, and a map that knows nothing
# (the film itself) is the least that must stand there.
#
# *What does the peak say?* Compare "peak on cue" of the two methods, on the same films and the same network. One method puts
# its strongest pixel on the cue in nearly every film, the other in far fewer. Whoever shows you one peak of one method can show
# you what he likes.
#
# *Where is the heart?* For this network both methods have less in the heart than a flat map would. That fits with everything
# else. But look at LRP on lab 01's network, which cannot have read anything but the patient: its lift in the heart is no better
# than a centred Gaussian's. Little in the heart proves nothing either.
#
# So a map gives you a suspect, sometimes a false one. **It tells you where to experiment.**
#
# ## 5. Intervene: take it away, put it there
#
# Erase the cue from ill films, and see whether the score falls. Paste it into normal films, and see whether it rises. That is
# an experiment, and every experiment needs a control: perhaps the score falls because *anything* was erased. The control must
# be matched: as many pixels, of the same shape, erased in the same way, at a random other place that has nothing to do with the
# disease.
#
# ### Exercise: `matched_control`  (medium, 15 minutes)
#
# For each film move the mask of its cue to a random place where it touches neither the cue nor what is to be left alone (the
# heart: erasing a piece of that may well matter). Where there is no cue, there is nothing to match.
#
# <details><summary>Hint 1: the idea</summary>
# Throw a dart: draw how far down and across the shape is put, look whether it touches anything forbidden, and draw again if it
# does. There is always room.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `np.nonzero(mask)` gives rows and columns; take off their minima, and the shape begins at (0, 0). It may then be moved by less
# than H - rows.max() and W - columns.max(), so that nothing leaves the film. One generator for all films, made before the
# loop.</details>
#
# No progress after 15 minutes? Begin with one film, and draw what you get over it.

# %% nbgrader={"grade": false, "grade_id": "matched_control", "locked": false, "schema_version": 3, "solution": true, "task": false}
def matched_control(masks, avoid, seed):
    """The shape of each film's cue at a random other place.

    Parameters
    ----------
    masks : bool array, (N, H, W)
        Where the cue lies on each film; without any True on a film that carries none. Not changed.
    avoid : bool array, (N, H, W)
        What the control must not touch either. Not changed.
    seed : int
        The same seed gives the same places.

    Returns
    -------
    bool array, (N, H, W)
        For each film its cue's shape, moved as a whole to a place inside the film, drawn at random from all places where it
        overlaps neither the film's cue nor `avoid`. Empty where the film carries no cue.

    Example
    -------
    A cue of one pixel, and one place that is free:

    >>> matched_control(np.array([[[True, False, False]]]), np.array([[[False, True, False]]]), seed=0)
    array([[[False, False,  True]]])
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        rows, columns = np.nonzero(masks[film])
        rows, columns = rows - rows.min(), columns - columns.min()
        forbidden = masks[film] | avoid[film]
        while True:
            down, across = rng.integers(masks.shape[1] - rows.max()), rng.integers(masks.shape[2] - columns.max())
            if not forbidden[rows + down, columns + across].any():
                break
        controls[film, rows + down, columns + across] = True
    return controls
    ### END SOLUTION

# %% tags=["check"]
checks.matched_control(matched_control)

# %% nbgrader={"grade": true, "grade_id": "matched_control-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The cue's own shape, inside the film, touching neither the cue nor what is to be left alone (2 points).

# %% nbgrader={"grade": true, "grade_id": "matched_control-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The place is random, anew for each film, from all that is free, and the seed decides (1 point).

# %% nbgrader={"grade": true, "grade_id": "matched_control-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A film without the cue has an empty control, and the masks that went in are unchanged (1 point).

# %% tags=["demo"]
def passes(check):
    try:
        check()
    except Exception:
        return False
    return True

ill = some(np.flatnonzero((films.labels == ILL) & carries), 40)
well = some(np.flatnonzero((films.labels == 0) & ~carries), 40)
pasted, would_be = data_fetch.paste_cue(films.images[well], CUE, films.names[well])
where = {"ill": films.masks["cue"][ill], "well": would_be}
alone = {
    name: np.zeros(where[name].shape, bool) if hearts is None else hearts[rows].astype(bool)
    for name, rows in (("ill", ill), ("well", well))
}
if passes(lambda: checks.matched_control(matched_control)):
    controls = {name: matched_control(where[name], alone[name], seed=0) for name in where}
else:
    controls = {name: masks[:, :, ::-1] for name, masks in where.items()}
    print("Your matched_control does not pass its check yet: until then the control is the cue's mirror image.")

# %% tags=["demo"]
def where_controls_lie():
    controls = matched_control(where["ill"], alone["ill"], seed=0)
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.4))
    for ax, i in zip(axes, range(0, len(ill), max(1, len(ill) // 3))):
        plots.film(films.images[ill[i]], None, ax)
        for mask, colour in ((where["ill"][i], plots.ORANGE), (controls[i], plots.BLUE), (alone["ill"][i], "0.7")):
            if mask.any():
                ax.contour(mask, levels=[0.5], colors=[colour], linewidths=1.3)
    fig.suptitle("orange: the cue; blue: its control; grey: the heart, left alone", fontsize=9)
    fig.tight_layout()
    return fig

plots.yours_or_expected(
    where_controls_lie,
    lambda: checks.matched_control(matched_control),
    "where_controls_lie",
    alt="Three films with the cue outlined in orange, nearly at the same place on each, and its control, the same shape in blue, at another "
    "place on each film, away from the outline of the heart.",
)

# %% [markdown]
# ### Exercise: `counterfactual`  (medium, 15 minutes)
#
# What would the network have said? Make each change to the films and compare the scores, film by film. A change may leave some
# films as they are (erasing a cue that is not there): then no experiment took place on them.
#
# <details><summary>Hint 1: the idea</summary>
# Score the films once. Then for each change: a changed copy, its score, the difference, and the question whether a film was
# changed at all. Ask the *pixels* that question, not the scores: a change without effect is a result.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `(changed != films).any(axis=(1, 2))` is a bool for each film. Every change gets a fresh copy: it may write into what it is
# given, and it must not start from what the change before has left.</details>
#
# No progress after 15 minutes? Write it for one change first, without the dict.

# %% nbgrader={"grade": false, "grade_id": "counterfactual", "locked": false, "schema_version": 3, "solution": true, "task": false}
def counterfactual(predict, films, changes):
    """What each change does to the score of each film.

    Parameters
    ----------
    predict : function, uint8 array (N, H, W) -> float array (N,)
        The network's score.
    films : uint8 array, (N, H, W)
        Not changed.
    changes : dict, name -> function
        Each takes films, uint8 (N, H, W), and returns the changed films; it may write into the array that it is given.

    Returns
    -------
    dict, name -> float array, (N,)
        Score after the change minus score before, with its sign. NaN for a film that the change left as it was.

    Example
    -------
    A "network" that gives the mean grey, two films, and a change that blackens the second:

    >>> counterfactual(lambda x: x.mean(axis=(1, 2)), films, {"dark": lambda x: x * np.array([1, 0], np.uint8)[:, None, None]})
    {'dark': array([ nan, -80.])}          # if the second film's mean grey was 80
    """
    ### BEGIN SOLUTION
    original, before = films.copy(), predict(films.copy())
    effects = {}
    for name, change in changes.items():
        changed = change(original.copy())
        touched = (changed != original).any(axis=(1, 2))
        effects[name] = np.where(touched, predict(changed) - before, np.nan)
    return effects
    ### END SOLUTION

# %% tags=["check"]
checks.counterfactual(counterfactual)

# %% nbgrader={"grade": true, "grade_id": "counterfactual-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Score after minus score before, film by film, each change made to the original films (2 points).

# %% nbgrader={"grade": true, "grade_id": "counterfactual-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A film that was not changed has no effect to report; a change without effect has one, 0 (1 point).

# %% nbgrader={"grade": true, "grade_id": "counterfactual-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The films stay as they were, even where a change writes into what it is given (1 point).

# %% [markdown]
# ### The experiment
#
# `data_fetch.erase` fills a place with the smooth surface through its border and the grain beside it. **Predict** each line for
# both networks: what will happen when the cue is erased, when as much is erased elsewhere, when the cue is pasted into normal
# films, and when the same little picture is pasted somewhere else?

# %% tags=["demo"]
def moved(images, source, target):
    """Films with the pixels that `pasted` has at `source` laid down at `target`, which has the same shape."""
    out = images.copy()
    out[target] = pasted[source]
    return out

experiments = {
    "ill": {
        "cue erased": lambda x: data_fetch.erase(x, where["ill"]),
        "control: as much erased elsewhere": lambda x: data_fetch.erase(x, controls["ill"]),
    },
    "well": {"cue pasted": lambda x: pasted, "control: pasted elsewhere": lambda x: moved(x, where["well"], controls["well"])},
}
groups = {"ill": ill, "well": well}

def effects_of(function, experiments):
    """{(kind of films, change): {network: effects}} by a function like `counterfactual`."""
    found = {}
    for kind, changes in experiments.items():
        for who, model in networks.items():
            for name, values in function(partial(score, model), films.images[groups[kind]], changes).items():
                found.setdefault((kind, name), {})[who] = values
    return found

# %% tags=["demo"]
def effects_figure(found):
    fig, ax = plt.subplots(figsize=(9, 0.75 * len(found) + 1))
    for y, ((kind, name), by_network) in enumerate(found.items()):
        print(f"{kind:5} {name}")
        for k, (who, values) in enumerate(by_network.items()):
            kept = np.isfinite(values)
            at, colour = y + 0.36 * k - 0.18, plots.CLASS_COLOURS[1 - k]
            ax.plot(values[kept], np.full(kept.sum(), at), "|", color=colour, ms=9, alpha=0.5, label=who if y == 0 else None)
            ax.plot(values[kept].mean(), at, "o", color=colour)
            print(f"      {who:13} {metrics.mean_interval(values[kept], films.patients[groups[kind]][kept])}")
    ax.axvline(0, color=plots.GREY, ls=":")
    ax.set_yticks(range(len(found)), [f"{kind}: {name}" for kind, name in found])
    ax.set(xlim=(-1.05, 1.05), ylim=(len(found) - 0.5, -0.5), xlabel="change of the score (a tick for each film, a dot for the mean)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    fig.tight_layout()
    return fig

plots.yours_or_expected(
    lambda: effects_figure(effects_of(counterfactual, experiments)),
    lambda: checks.counterfactual(counterfactual),
    "experiment",
    alt="Changes of the score for two networks in four experiments. Erasing the cue takes the biased network's score of ill films down "
    "by most of the scale and pasting it lifts that of normal films; the controls and lab 01's network stay near zero.",
)

# %% [markdown]
# **What you should see.** The experiment is loud where the map was hinting. Erase the cue, and the ill become healthy, film
# after film; paste it, and the healthy become ill; erase as much elsewhere, and nothing happens. It does not matter on which
# of these films the peak of a map lay on the cue.
#
# Then look at the ticks of lab 01's network. Its means are near zero, but single films move, some of them far, when the little
# picture is pasted somewhere else. That network has never seen such a mark, in no place, and over a lung it is a new thing. A
# control can tell you this; without it you would have put down every movement to the cue. And a mean near zero can hide films
# that go up and films that go down.
#
# ### The common mistake: a black square
#
# "Erase" is often written `film[mask] = 0`. Now the film has a black square, which no film of the collection has, and the
# network's answer to *that* is mixed into your result. Four more lines: a black square on the cue and elsewhere, on ill films;
# and on normal films where the cue would lie, and elsewhere. **Predict**: in which lines did you only take something away, and
# in which did you add something?

# %% tags=["demo"]
def blacken(images, masks):
    images[masks] = 0
    return images

squares = {
    "ill": {
        "black square on the cue": lambda x: blacken(x, where["ill"]),
        "black square elsewhere": lambda x: blacken(x, controls["ill"]),
    },
    "well": {
        "black square where the cue would lie": lambda x: blacken(x, where["well"]),
        "black square elsewhere": lambda x: blacken(x, controls["well"]),
    },
}
plots.yours_or_expected(
    lambda: effects_figure(effects_of(counterfactual, squares)),
    lambda: checks.counterfactual(counterfactual),
    "black_squares",
    alt="Changes of the score when a black square is set on the cue of ill films, elsewhere on them, where the cue would lie on normal "
    "films, and elsewhere on those, for both networks, a tick for each film and a dot for the mean.",
)

# %% [markdown]
# **What you should see.** A black square on the cue takes only a fraction from the score of what erasing took. From this figure
# alone you would say: the cue matters a little. The third line says why. On *healthy* films, where nothing was taken away, a
# black square at that place makes the score jump: this network takes it for something like its cue. (The token of hospital 0
# has a dark rim and a dark cross.) You removed one cue and put another in its place.
#
# Any change adds something as well as taking something. So take away gently, compare with a control treated in the same way,
# and try the change on films where there is nothing to take away.
#
# ## 6. And if you do not know what to look for?
#
# Here the mask of the cue was known. In a hospital it is not. But an experiment needs no mask: go over the film window by
# window, fill each in turn, and look where the score falls. Averaged over many films, what is at the same place on all of them
# adds up, and anatomy, which is not, fades (Zeiler and Fergus 2013, arXiv 1311.2901, did this with grey squares, on single
# photographs).
#
# ### Exercise: `blind_search`  (bonus, medium, 15 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Two loops over the grid. In each turn one window is marked on all films, filled in the *original* films, and scored.</details>
#
# <details><summary>Hint 2: the shape</summary>
# The mask is (N, H, W), True in rows i * window to (i + 1) * window and columns j * window to (j + 1) * window. What is kept is
# the mean over the films of before minus after: a drop is positive.</details>

# %% nbgrader={"grade": false, "grade_id": "blind_search", "locked": false, "schema_version": 3, "solution": true, "task": false}
def blind_search(predict, films, window, fill):
    """How much the score falls when each window of the films is filled, on average.

    Parameters
    ----------
    predict : function, uint8 array (N, H, W) -> float array (N,)
    films : uint8 array, (N, H, W)
        H and W are multiples of `window`. Not changed.
    window : int
        Side of a window in pixels.
    fill : function (films, masks) -> films
        Fills what is True in masks, bool (N, H, W), from around it; returns new films.

    Returns
    -------
    float array, (H // window, W // window)
        Mean over the films of score before minus score after; positive where the window speaks for the class.

    Example
    -------
    A "network" that gives the mean grey of the upper left window has a drop there, if the fill is darker, and zeros elsewhere.
    """
    ### BEGIN SOLUTION
    before = predict(films)
    drops = np.zeros((films.shape[1] // window, films.shape[2] // window))
    for i, j in np.ndindex(*drops.shape):
        masks = np.zeros(films.shape, bool)
        masks[:, i * window : (i + 1) * window, j * window : (j + 1) * window] = True
        drops[i, j] = np.mean(before - predict(fill(films, masks)))
    return drops
    ### END SOLUTION

# %% tags=["check"]
checks.blind_search(blind_search)

# %% nbgrader={"grade": true, "grade_id": "blind_search-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# For each window the mean drop of the score, rows and columns in their place (0 points).

# %% tags=["demo"]
def searched():
    few, window = films.images[some(ill, 6)], side // 8
    fig, axes = plt.subplots(1, 3, figsize=(11, 3.6))
    plots.film(few[0], "one of the films", axes[0])
    for ax, (who, model) in zip(axes[1:], networks.items()):
        drops = blind_search(partial(score, model), few, window, data_fetch.erase)
        picture = ax.imshow(drops, cmap="RdBu_r", vmin=-1, vmax=1, extent=(0, side, side, 0))
        row, column = np.unravel_index(np.abs(drops).argmax(), drops.shape)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{who}:\n{drops[row, column]:+.2f} at row {row}, column {column}", fontsize=9)
    fig.colorbar(picture, ax=axes, shrink=0.8, label="mean drop of the score")
    return fig

plots.yours_or_expected(
    searched,
    lambda: checks.blind_search(blind_search),
    "searched",
    alt="An ill film, and for two networks a grid of 8 x 8 windows coloured by how far the score falls when the window is filled. For "
    "the biased network the window with the cue stands out; for lab 01's network no window does alike.",
)

# %% [markdown]
# **What you should see.** Nobody told this search where the cue is. Its price: a prediction for every window of every film, and
# windows of one size. A cue that is spread over the film (a hospital's exposure, the pose of patients in bed) is in no window
# and is not found.
#
# ## 7. Would you trust it now?
#
# The same two questions again, about the same network.

# %% tags=["poll-after"]
after = {
    "trust": "",
    "looks_at": "",
}
answered_after = poll.keep("after", after)

# %%
poll.compare(before, after)

# %% [markdown]
# Before anything was explained, 10 of the 27 people would have trusted the bad classifier, and 12 named the snow. After they
# had seen explanations, 3 and 25. (Theirs answered in their own words, and three judges counted the snow; they looked at
# explanations, you made experiments too. So compare the direction, not the digits.)
#
# ## What this does not tell you
#
# - **That there is only one cue.** You found the loudest. Take it away and look again.
# - **That a network without a bright spot is fair.** A map shows places. A bias in exposure, in age, in who is sent to X-ray,
#   has none.
# - **What a change means that no film has.** An erased film is a film that the network never saw. The control makes this risk
#   visible, it does not remove it.
# - **That real films behave like these.** On phantoms the cue could be taken away exactly and the same films reversed. With
#   real films you have the erased and the pasted ones, and other hospitals.
#
# ## Recap
#
# - A held-out test set from the same collection shares its accidents: it cannot find a bias.
# - Mass and lift on a suspect, beside another network and beside null baselines; NaN, not 0, where there is nothing to score.
# - The strongest pixel may or may not lie on what decides. A map is a suspicion, the intervention is the evidence.
# - A control is matched in size, shape and treatment, and stays away from what may matter.
# - A black square is not "nothing": it is a new thing on the film.
#
# ## Further reading
#
# - M. T. Ribeiro, S. Singh, C. Guestrin: "Why should I trust you?" Explaining the predictions of any classifier. KDD 2016,
#   arXiv 1602.04938.
# - R. Geirhos et al.: Shortcut learning in deep neural networks. Nature Machine Intelligence 2, 2020, arXiv 2004.07780.
# - S. Lapuschkin et al.: Unmasking Clever Hans predictors and assessing what machines really learn. Nature Communications 10,
#   2019, arXiv 1902.10178.
# - M. Zeiler, R. Fergus: Visualizing and understanding convolutional networks. ECCV 2014, arXiv 1311.2901.
#
# **Next:** 03b asks who pays for the bias, repairs the training films and proves the repair. The lab's reflection is there.
