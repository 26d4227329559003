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
# # 03b Bias: who pays, and how to mend it
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 90 minutes | 2.5 GB | 450 MB, drawn on your machine in some minutes the first time; two checkpoints of 1.5 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# In 03a you caught a network that reads a hospital's mark instead of the heart. Catching is not enough. Who is harmed, and by
# how much? Can the same films teach something better? And how would you prove that the repair worked, and did not just move the
# problem?
#
# **When you are done you can**
#
# - find a group of patients for whom a good average hides a bad network, and say how sure you are;
# - name four repairs of a biased training set, and what each costs;
# - repair a training set so that neither the cue nor the traces of its removal tell the class;
# - train before and after under the same conditions, and prove the difference;
# - bias a network of your own, on purpose, and look at it with all the tools of 03a.
#
# You need 03a.

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import localisation, metrics
from medxai.networks import fold, prediction, preprocessing, training
from medxai.checks import bias as checks
from medxai.networks.preprocessing import to_network_input

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import data_fetch

CUE = "tag"  # "tag", "marker" or "text": what is drawn into the films, in 03a hospital 0, 1 and 2. The checkpoint learned the tag

# %% [markdown]
# ## 1. Who pays?
#
# The *neutral* films of 03a carry the cue on half of each class, by chance. So there are four groups, and the network's scores
# in each:

# %% tags=["demo"]
ILL, profile = 1, data_fetch.profile().name
networks = {
    "biased": medxai.load_checkpoint(f"cardiomegaly-biased-{profile}").model,
    "lab 01's": medxai.load_checkpoint(f"cardiomegaly-{profile}").model,
}
neutral = data_fetch.fetch_cardiomegaly_biased(split="neutral", cue=CUE)
carries = neutral.attributes["cue"].to_numpy(bool)
said = {who: prediction.predict_films(model, neutral.images)[:, ILL] for who, model in networks.items()}
if CUE != "tag":
    print("This checkpoint never saw your cue: section 1 shows what a strange mark does to it. The rest is about your cue; the")
    print("words under the figures tell of the tag, so believe the figures.")
four = {}
for label in (1, 0):
    for cue in (True, False):
        rows = (neutral.labels == label) & (carries == cue)
        four[f"{neutral.classes[label]}, {'with' if cue else 'without'} the cue"] = {
            "films": rows.sum(),
            "patients": len(np.unique(neutral.patients[rows])),
            **{f"mean score, {who}": values[rows].mean() for who, values in said.items()},
        }
pd.DataFrame(four).T.round(3)

# %% [markdown]
# Read it like a doctor. The ill patients *without* the cue are those who are sent home. They are ill, they came to another
# ward, or the machine was not the one that leaves the mark. An average over all patients hides them, and the more of the
# ill carry the cue in a test set, the better it hides them. Three cases from the literature:
#
# - **Zech et al. 2018** (PLOS Medicine 15(11), e1002683) trained networks to find pneumonia on films of several hospitals. One
#   hospital had pneumonia on 34.2 % of its films, another on 1.2 %. Sorting the films of both *by hospital alone* had an AUROC
#   of 0.861. A network that reads which hospital a film is from, and they do, needs to know nothing about lungs.
# - **Oakden-Rayner et al. 2020** (arXiv 1909.12475) looked at a network for pneumothorax. Many patients with a pneumothorax
#   have a chest drain already: they are treated. The network was better on those than on the untreated patients, who are
#   the ones that need to be found. They call such a group a *hidden stratum*.
# - **DeGrave, Janizek and Lee 2021** (Nature Machine Intelligence 3) showed that networks for Covid-19 used side markers (the
#   letters of lab 00) and other things that tell where a film was taken. And that an external test set is not always enough to find this: a
#   shortcut may work in the other hospital too.
#
# The 0.861 needs no network. It follows from how many films each hospital has and how many of them are ill; with the rounded
# shares of the paper's abstract you can nearly compute it yourself:

# %% tags=["demo", "keep_output", "nbval-check-output"]
hospitals = {"Mount Sinai": (42396, 0.342), "NIH": (112120, 0.012)}  # films, share with pneumonia
ill_at = {name: count * share for name, (count, share) in hospitals.items()}
well_at = {name: count * (1 - share) for name, (count, share) in hospitals.items()}
hits, alarms = (at["Mount Sinai"] / sum(at.values()) for at in (ill_at, well_at))
print(f"call every film of Mount Sinai ill: sensitivity {hits:.2f}, specificity {1 - alarms:.2f}, AUROC {(1 + hits - alarms) / 2:.2f}")

# %% [markdown]
# How do you report a stratum that only ill patients have, like a drain? There are no healthy patients with a drain to compare
# with. So take the ill of each stratum against **all** the healthy ones: the negatives are *shared*. Then two rows differ by
# their positives and by nothing else.
#
# ### Exercise: `subgroup_table`  (medium, 15 minutes)
#
# A row for each group: how many positives and negatives, the AUROC, and its interval over patients.
# (`medxai.evaluate.metrics.subgroup_table` does something like it. Write your own; you may call `metrics.bootstrap_interval(labels,
# scores, patients, resamples=..., seed=...)`, which gives value, low and high: you wrote its core in 01b.)
#
# <details><summary>Hint 1: the idea</summary>
# For each group, choose films: its positives, and all negatives, whatever group these are in. What if a group has no
# positives?</details>
#
# <details><summary>Hint 2: the shape</summary>
# `(labels == 0) | (groups == group)` is True for the films of a row. A row is a tuple of five numbers; `float("nan")` where
# there is nothing to say.</details>
#
# No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "subgroup_table", "locked": false, "schema_version": 3, "solution": true, "task": false}
def subgroup_table(labels, scores, patients, groups, resamples, seed):
    """The AUROC of each group's positives against all negatives, with counts and intervals over patients.

    Parameters
    ----------
    labels : int array, (N,)
        0 or 1 for each film.
    scores : float array, (N,)
    patients : int array, (N,)
        Who is on the film; a patient may have several films.
    groups : str array, (N,)
        The group of each film, positive or negative.
    resamples, seed : int
        For the bootstrap, at a level of 95 per cent.

    Returns
    -------
    dict, group -> tuple (positives, negatives, AUROC, low, high)
        A row for every group that occurs. positives: of the group. negatives: all there are. The last three are NaN where
        the group has no positives.

    Example
    -------
    Two groups with one positive each, and two negatives: "a" lies above both, "b" below both.

    >>> subgroup_table(np.array([1, 1, 0, 0]), np.array([.9, .1, .5, .4]), np.arange(4), np.array(["a", "b", "a", "b"]), 100, 0)
    {'a': (1, 2, 1.0, 1.0, 1.0), 'b': (1, 2, 0.0, 0.0, 0.0)}
    """
    ### BEGIN SOLUTION
    rows = {}
    for group in np.unique(groups):
        chosen = (labels == 0) | (groups == group)
        positives, negatives = int(labels[chosen].sum()), int((labels == 0).sum())
        interval = (np.nan,) * 3
        if positives and negatives:
            interval = metrics.bootstrap_interval(labels[chosen], scores[chosen], patients[chosen], resamples=resamples, seed=seed)
        rows[str(group)] = (positives, negatives, *(float(end) for end in interval))
    return rows
    ### END SOLUTION

# %% tags=["check"]
checks.subgroup_table(subgroup_table)

# %% nbgrader={"grade": true, "grade_id": "subgroup_table-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Each group's positives against all negatives: the counts and the AUROC (2 points).

# %% nbgrader={"grade": true, "grade_id": "subgroup_table-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The interval goes over patients and holds the value (1 point).

# %% nbgrader={"grade": true, "grade_id": "subgroup_table-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A group without positives has its row, with counts and without a number that looks like a result (1 point).

# %% tags=["demo"]
def by_cue():
    groups, rows = np.where(carries, "ill with the cue", "ill without the cue"), []
    for who, values in said.items():
        table = subgroup_table(neutral.labels, values, neutral.patients, groups, 1000, 0)
        rows += [(f"{who}: {name} ({row[0]:g} against {row[1]:g})", *row[2:]) for name, row in sorted(table.items())]
        rows.append((f"{who}: all of them", *metrics.bootstrap_interval(neutral.labels, values, neutral.patients, resamples=1000)[:3]))
    ax = plots.intervals(rows, "AUROC on the neutral films, 95 % interval over patients")
    ax.axvline(0.5, color=plots.GREY, ls=":")
    return ax.figure

plots.yours_or_expected(
    by_cue,
    lambda: checks.subgroup_table(subgroup_table),
    "by_cue",
    alt="AUROC with intervals for ill patients with and without the cue, and for all, by network. For the biased network the two groups lie "
    "far apart on both sides of one half; for lab 01's network they overlap.",
)

# %% [markdown]
# **What you should see.** For the biased network two rows on both sides of a coin, and an average between them that describes
# nobody. For the other network two intervals that overlap. Look at the width, too: half of the positives make an interval
# clearly wider than all of them, and in life the hidden stratum is the small one. Where it has eight patients, the honest table
# says that you do not know.
#
# ## 2. Repair the films
#
# The network is not to blame. It learned what told the classes apart, and the cue did so better than any heart. So repair
# what it learns from. Here is the training set of the checkpoint. Four repairs are in use:
#
# | repair | what you do | what it costs |
# |---|---|---|
# | **rebalance** | choose or weigh films until cue and class are independent | where the tie is tight, hardly any films are left (section 4) |
# | **crop** | cut off the part of the film where the cue lies | what else lies there; a cue in the middle cannot be cut off |
# | **mask** | cover the cue's place in *all* films with one grey | the network must be shown covered films for ever after |
# | **random cues** | erase the cue everywhere, then draw it into half of each class at random | you must be able to draw it |
#
# And one "repair" that is none: covering the cue *where it is*. Then the ill films have a black square, and the healthy ones
# have none.

# %% tags=["demo"]
phantoms = neutral.card["source"] == "phantom"
biased = data_fetch.fetch_cardiomegaly_biased(split="pretrain" if phantoms else "develop", cue=CUE)
cues, place = biased.masks["cue"], biased.masks["cue"].any(axis=0)
ill_ones = (biased.labels == ILL).sum()
print(biased)
print(
    f"The cue is on {cues.any(axis=(1, 2))[biased.labels == ILL].sum()} of {ill_ones} ill and on "
    f"{cues.any(axis=(1, 2))[biased.labels == 0].sum()} of {len(biased) - ill_ones} normal films; "
    f"its place is {place.sum()} pixels of {place.size}."
)

def correlation(a, b):
    return 0.0 if np.std(a) == 0 or np.std(b) == 0 else float(np.corrcoef(a, b)[0, 1])

# %% [markdown]
# ### Exercise: `repair`  (hard, 20 minutes)
#
# Mend the training set, by masking or by random cues. These rules are checked, however you do it:
#
# 1. whether a film carries the cue must not go with its class: a correlation below 0.05;
# 2. nothing changes outside the cue's place (where any film of the set has it), all films stay, in their rows;
# 3. what stands in the cue's place must not tell the class either: neither a black square nor the traces of erasing. So think
#    about which films are to be treated.
#
# <details><summary>Hint 1: the idea</summary>
# Bring all films to the same state first: treat the cue's place in *every* film, whether a cue is there or not. For masking you
# are done then. For random cues, choose half of the ill and half of the healthy films, and give them the cue.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `masks.any(axis=0)` is the place, (H, W); `erase` wants (N, H, W): `np.broadcast_to`. `paste` takes and gives all films at
# once; `np.where` with a bool of shape (N, 1, 1) takes some films from one array and the rest from another. Choose by
# `rng.permutation` within each class.</details>
#
# No progress after 20 minutes? Try masking: it is two lines.

# %% nbgrader={"grade": false, "grade_id": "repair", "locked": false, "schema_version": 3, "solution": true, "task": false}
def repair(films, masks, labels, paste, erase, seed):
    """A training set in which the cue, and its removal, tell nothing about the class.

    Parameters
    ----------
    films : uint8 array, (N, H, W)
        Not changed.
    masks : bool array, (N, H, W)
        Where the cue lies; without any True on a film that carries none. It lies nearly at the same place on all.
    labels : int array, (N,)
        0 or 1 for each film.
    paste : function, all films uint8 (N, H, W) -> the same films with the cue on each of them
    erase : function (films, masks) -> films
        Fills what is True in masks, bool (N, H, W), from around it. No filling is perfect.
    seed : int
        Of whatever is drawn at random.

    Returns
    -------
    uint8 array, (N, H, W)
        All films, in their rows. Outside the cue's place (where any film of the set carries it) they are as they were.

    Example
    -------
    Of 40 ill films with the cue and 60 healthy ones without it, 20 and 30 carry it afterwards (random cues), or none of
    the 100 and all have the same grey in its place (masking).
    """
    ### BEGIN SOLUTION
    place = np.broadcast_to(masks.any(axis=0), films.shape)
    without = erase(films, place)
    rng, chosen = np.random.default_rng(seed), np.zeros(len(films), bool)
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero(labels == label))
        chosen[rows[: len(rows) // 2]] = True
    return np.where(chosen[:, None, None], paste(without), without)
    ### END SOLUTION

# %% tags=["check"]
checks.repair(repair)

# %% nbgrader={"grade": true, "grade_id": "repair-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Whether a film carries the cue does not go with its class (2 points).

# %% nbgrader={"grade": true, "grade_id": "repair-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Nothing changes outside the cue's place, and all films stay in their rows (1 point).

# %% nbgrader={"grade": true, "grade_id": "repair-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# What stands in the cue's place does not tell the class either (1 point).

# %% [markdown]
# ### What is left to learn from?
#
# Two numbers for each version of the training set. How does the cue go with the class? And can a machine that sees *nothing but
# the cue's place* tell the class? The machine is a logistic regression on those few hundred pixels, tested on patients that it
# did not learn from. 0.5 is what it should reach. **Predict** both numbers for: the films as they are, a black square where the
# cue was, filling where the cue was, and your repair.

# %% tags=["demo"]
def paste(images):
    """All films with the cue, drawn where the set has it (its place varies by a pixel or two)."""
    return np.where(place, data_fetch.paste_cue(images, CUE, biased.names)[0], images)

rows, columns = (np.flatnonzero(place.any(axis=axis)) for axis in (1, 0))
window = slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

def told_by_the_place(images):
    """(correlation of the cue with the class, AUROC of logistic regression on the pixels of the cue's place)."""
    at = np.asarray(images[window], float)
    far = np.abs(paste(images)[window] - at).mean(axis=(1, 2))  # how far a film is from carrying the cue
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=200))
    scores = cross_val_predict(
        model, at.reshape(len(at), -1), biased.labels, groups=biased.patients, cv=GroupKFold(5), method="decision_function"
    )
    return correlation(far < 0.2 * far.max(), biased.labels), metrics.auroc(biased.labels, scores)

# %% tags=["demo"]
versions = {
    "as it is": np.asarray(biased.images),
    "black where the cue was": np.where(cues, np.uint8(0), biased.images),
    "filled where the cue was": data_fetch.erase(biased.images, cues),
}
left = {name: told_by_the_place(images) for name, images in versions.items()}

# %% tags=["demo"]
def what_is_left():
    mended = repair(biased.images, cues, biased.labels, paste, data_fetch.erase, 0)
    outside = (mended != biased.images)[:, ~place].any(axis=1).mean()
    print(f"films with a pixel changed outside the cue's place: {outside:.1%}")
    both = left | {"your repair": told_by_the_place(mended)}
    fig, axes = plt.subplots(1, 2, figsize=(10, 2.6), sharey=True)
    for ax, k, label, nothing in zip(axes, (0, 1), ("correlation of cue and class", "AUROC from the cue's place alone"), (0, 0.5)):
        ax.barh(range(len(both)), [values[k] - nothing for values in both.values()], left=nothing, color=plots.BLUE)
        ax.axvline(nothing, color=plots.GREY, ls=":")
        for y, values in enumerate(both.values()):
            ax.text(1.02, y, f"{values[k]:.2f}", va="center", fontsize=9)
        ax.set(yticks=range(len(both)), yticklabels=list(both), xlim=(min(nothing, 0.4), 1), ylim=(len(both) - 0.5, -0.5), xlabel=label)
    fig.tight_layout()
    return fig

plots.yours_or_expected(
    what_is_left,
    lambda: checks.repair(repair),
    "what_is_left",
    alt="Bars for four versions of the training set. Left the correlation of cue and class, near 1 for the films as they are and near 0 for the "
    "others. Right the AUROC that the pixels of the cue's place alone reach: near 1 with the cue and with the black square, near one "
    "half for the repaired set.",
)

# %% [markdown]
# **What you should see.** The black square brings the correlation down to nothing, and tells the class as well as the cue
# did: the cue was not removed but painted over. Filling *where the cue was* looks perfect to you, and still leaves a trace that
# the simplest of machines can read: only the ill films were filled. Filling the place in **all** films, cue or none, leaves
# chance. What you do to one class, do to the other.
#
# ## 3. Prove it
#
# A fair comparison changes one thing. So the **same** small network is trained twice, on the same films in the same order, for
# as many epochs, from the same random start: once on the films as they are, once on yours. Small means 64 x 64 pixels and 4
# convolutions, so that each training takes well under a minute on two cores. (It is not the checkpoint's network; training that
# takes ten times as long. A heart is large enough to be seen at this size, and the cue is still some pixels wide.)

# %% tags=["demo"]
layers = tf.keras.layers

def small_network(side):
    x = film = layers.Input((side, side, 3), name="film")
    for i, width in enumerate((8, 16, 32, 32)):
        x = layers.Conv2D(width, 5, strides=2, padding="same", use_bias=False, name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"conv{i}_bn")(x)
        x = layers.Activation("relu", name=f"conv{i}_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", name="dense")(x)
    return tf.keras.Model(film, layers.Dense(2, activation="softmax", name="predictions")(x), name="small")

# %% tags=["demo"]
def small(films, images=None):
    """A set at 64 x 64 pixels, with other images if any are given."""
    images = films.images if images is None else images
    return replace(films, images=preprocessing.shrink(images, images.shape[1] // 64), masks=None)

learn, held = training.hold_out(biased, 0.2, seed=0)  # by patient

RECIPE = {"epochs": 24, "learning_rate": 1e-3, "augment": training.Augmentation(shift=2), "verbose": 0}

def trained_on(images, seed=0):
    films = small(biased, images)
    tf.keras.utils.set_random_seed(seed)
    model, weights = small_network(64), training.class_weights(films.labels[learn])
    run = training.fit(model, films.subset(learn), films.subset(held), weights=weights, seed=seed, **RECIPE)
    print(f"{model.count_params():,} parameters, trained in {run.seconds:.0f} s; AUROC on films held out of the same set:",
          f"{run.history.val_auroc.loc[run.best_epoch]:.3f}")
    return model

# %% tags=["demo"]
tests = {name: data_fetch.fetch_cardiomegaly_biased(split=name, cue=CUE) for name in ("own", "reversed")} | {"neutral": neutral}
tests = {name: small(tests[name]) for name in ("own", "neutral", "reversed")}
trained = {"before": trained_on(biased.images)}

def areas(model):
    return {
        name: metrics.bootstrap_interval(part.labels, prediction.predict_films(model, part.images)[:, ILL], part.patients)
        for name, part in tests.items()
    }

found = {"before": areas(trained["before"])}
print("AUROC, trained on the films as they are:", *(f"\n    {name:9} {area}" for name, area in found["before"].items()))

# %% [markdown]
# **Predict**: what will the three numbers be after the repair? Which one will get *worse*?

# %% tags=["demo"]
def before_and_after():
    trained["after"] = trained_on(repair(biased.images, cues, biased.labels, paste, data_fetch.erase, 0))
    found["after"] = areas(trained["after"])
    rows = [(f"{when}, {name}", *found[when][name][:3]) for name in tests for when in ("before", "after")]
    for name, *numbers in rows:
        print(f"{name:18} {metrics.Interval(*numbers)}")
    ax = plots.intervals(rows, "AUROC on the test films, 95 % interval over patients")
    ax.axvline(0.5, color=plots.GREY, ls=":")
    return ax.figure

plots.yours_or_expected(
    before_and_after,
    lambda: checks.repair(repair),
    "before_and_after_repair",
    alt="AUROC with intervals on three test sets, for the small network trained on the films as they are and on the repaired films. Before "
    "the repair they run from nearly 1 down to nearly 0; after it all three are high and close together.",
)

# %% [markdown]
# **What you should see.** Before the repair three numbers that drift apart (the small network is not as far gone as the
# checkpoint, it looks at the heart a little). After it three that agree: the network no longer cares which version of the films
# it reads. On its *own* kind it lost, and that loss is the point: before, part of that score was the cue's. Whoever judges a
# repair by the old test set will throw it away.
#
# It reaches less than the network of lab 01, which is larger and learned longer. And **phantoms flatter**: on real films,
# networks that were trained with all the art get 0.88 to 0.90 for this finding (01b, section 8).
#
# An experiment is stronger than three averages. Paste the cue into every clean test film, and see what it does to the score,
# before and after; and look at how much of the maps lies on it.

# %% tags=["demo"]
def experiment_and_map():
    clean = data_fetch.fetch_cardiomegaly(split="test")
    pasted, masks = data_fetch.paste_cue(clean.images, CUE, clean.names)
    factor = clean.images.shape[1] // 64
    plain, marked = preprocessing.shrink(clean.images, factor), preprocessing.shrink(pasted, factor)
    on_cue = preprocessing.shrink(masks * np.uint8(255), factor) > 127
    ill, maps = np.flatnonzero(clean.labels == ILL)[:16], {}
    for when, model in trained.items():
        effect = (prediction.predict_films(model, marked) - prediction.predict_films(model, plain))[:, ILL]
        analyzer = medxai.create_analyzer("lrp.sequential_preset_b_flat", fold.fold_batch_norm(model))
        maps[when] = analyzer.analyze(to_network_input(marked[ill]), target=ILL)
        lift = localisation.lift(maps[when], on_cue[ill]).mean()
        print(f"{when:7} pasting the cue changes the score by {metrics.mean_interval(effect, clean.patients)},",
              f"by {np.abs(effect).mean():.3f} in magnitude; lift of LRP on the cue {lift:.1f}")
    return plots.attribution_grid(marked[ill[:2]], {f"LRP, {when}": m[:2] for when, m in maps.items()}, ["ill, cue pasted"] * 2)

plots.yours_or_expected(
    experiment_and_map,
    lambda: checks.repair(repair) and trained["after"],
    "maps_before_and_after",
    alt="Two ill films with the cue, and LRP maps of the small network before and after the repair. Before it a spot on the cue "
    "is among the strongest places; after it the map is spread over the chest.",
)

# %% [markdown]
# ## 4. Why not simply balance?
#
# The first repair of the table needs no drawing and no erasing: give rare films more weight, until cue and class are
# independent under the weights (Kamiran and Calders 2012, Knowledge and Information Systems 33, call it *reweighing*). A film
# of class c, with the cue or without (k), weighs
#
# $$ w(c, k) = \frac{P(c)\,P(k)}{P(c, k)} $$
#
# the share that its combination *would* have, were cue and class independent, over the share that it has. What does it cost?
# Under unequal weights a mean is as uncertain as one of fewer films: Kish's **effective number**, $(\sum w)^2 / \sum w^2$.
#
# ### Exercise: `balance_weights`  (bonus, medium, 10 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Four combinations, four weights. All three shares are means of bool arrays.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Two loops of two; `cell = (labels == label) & (carries == cue)` marks the films that get one weight. Every combination
# occurs.</details>

# %% nbgrader={"grade": false, "grade_id": "balance_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def balance_weights(labels, carries):
    """Weights under which the cue tells nothing about the class, and how many films they are worth.

    Parameters
    ----------
    labels : int array, (N,)
        0 or 1 for each film.
    carries : bool array, (N,)
        Whether the film carries the cue. All four combinations occur.

    Returns
    -------
    tuple (weights, effective)
        weights: float array (N,), adding up to N. effective: float, the square of their sum over the sum of their squares.

    Example
    -------
    Where cue and class are independent already, all weights are 1:

    >>> balance_weights(np.array([0, 0, 1, 1]), np.array([True, False, True, False]))
    (array([1., 1., 1., 1.]), 4.0)
    """
    ### BEGIN SOLUTION
    weights = np.ones(len(labels))
    for label in (0, 1):
        for cue in (False, True):
            cell = (labels == label) & (carries == cue)
            weights[cell] = (labels == label).mean() * (carries == cue).mean() / cell.mean()
    return weights, float(weights.sum() ** 2 / np.sum(weights**2))
    ### END SOLUTION

# %% tags=["check"]
checks.balance_weights(balance_weights)

# %% nbgrader={"grade": true, "grade_id": "balance_weights-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Under the weights cue and class are independent, and both are as common as before (0 points).

# %% nbgrader={"grade": true, "grade_id": "balance_weights-2", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# The effective number of films is that of the weights (0 points).

# %% tags=["demo"]
def price_of_balance():
    ties, worth = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99]), []
    labels = np.repeat([1, 0], [400, 600])
    for tie in ties:
        with_cue = np.r_[np.arange(400) < round(400 * tie), np.arange(600) >= round(600 * tie)]
        weights, effective = balance_weights(labels, with_cue)
        worth.append(effective)
        print(
            f"cue on {tie:.0%} of 400 ill and {1 - tie:.0%} of 600 healthy: worth {effective:4.0f} films; the heaviest weighs {weights.max():.0f}"
        )
    fig, ax = plt.subplots(figsize=(5.5, 3.2))
    ax.plot(ties, worth, "o-", color=plots.BLUE)
    ax.set(xlabel="share of the ill with the cue (of the healthy without it)", ylabel="effective number of 1,000", ylim=(0, 1050))
    ax.grid(alpha=0.25)
    return fig

plots.yours_or_expected(
    price_of_balance,
    lambda: checks.balance_weights(balance_weights),
    "price_of_balance",
    alt="The effective number of a thousand films under balancing weights, against how tight the tie of cue and class is: a thousand where "
    "there is no tie, falling ever faster to a few dozen at 99 per cent.",
)

# %% [markdown]
# **What you should see.** A loose tie costs a little, a tight one nearly everything: a thousand films are worth a few dozen,
# and a handful of patients decide what the network learns. Had the tie no exceptions, there would be a division by zero: from
# such films nobody can learn to tell cue and disease apart. Then the only repair is other films, or taking the cue out.
#
# ## 5. A network of your own, biased on purpose  (bonus, 20 minutes, no points)
#
# Choose a cue at the top of this notebook, change whatever you like below, set `EPOCHS`, and run. The network is saved as
# `my_biased_network.keras`; then set `MY_NETWORK = True` and the same hospital in the first cell of 03a (0 tag, 1 marker, 2
# text), and run 03a again: every cell of it works on your network. Rules: the last layer gives two probabilities, and
# explanation methods like plain layers (no nested models, `activation="relu"` inside the layer or `Activation`). Is a larger
# cue learned sooner? Does a marker beside the chest leave as much in the map? Does your repair hold for all three?

# %% tags=["demo"]
EPOCHS = 0  # 8 take two to three minutes on two cores; with 0 the network is only built

def my_network(side):
    x = film = layers.Input((side, side, 3), name="film")
    for i, width in enumerate((8, 16, 32, 32, 32)):
        x = layers.Conv2D(width, 5, strides=2, padding="same", use_bias=False, name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"conv{i}_bn")(x)
        x = layers.Activation("relu", name=f"conv{i}_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", name="dense")(x)
    return tf.keras.Model(film, layers.Dense(2, activation="softmax", name="predictions")(x), name="my_biased_network")

mine = my_network(biased.images.shape[1])
if EPOCHS:
    weights = training.class_weights(biased.labels[learn])
    run = training.fit(mine, biased.subset(learn), biased.subset(held), epochs=EPOCHS, learning_rate=1e-3, weights=weights,
                       augment=training.Augmentation(), seed=0)
    mine = fold.fold_batch_norm(mine)  # plain convolutions, which every explanation method can read
    mine.save("my_biased_network.keras")
    print(run.history.round(3))
print(f"{mine.count_params():,} parameters; " + ("saved as my_biased_network.keras" if EPOCHS else "not trained: EPOCHS is 0"))

# %% [markdown]
# ## What this does not tell you
#
# - **That the repaired network reads the heart.** It no longer reads *this* cue. What it reads instead is the next question.
# - **That the repair holds for real films.** There nobody knows all cues, and an erased film is an invention.
# - **That a biased network is worthless.** In a hospital where every ill patient has the mark it works, until the day on which
#   the machine is replaced. Say for which films a number holds.
# - **Anything about small strata.** Wide intervals are the honest answer there.
#
# ## Recap
#
# - Beside every average stand its strata, with counts and intervals over patients; positives by stratum, negatives shared.
# - Repair the films, not the score: no cue, no trace, no black square, and nothing else changed. Treat all films alike.
# - Proof: the same network, the same films, one difference; then neutral and reversed films, and an intervention.
# - Balancing by weights is cheap where the tie is loose and hopeless where it is tight.

# %% [markdown] nbgrader={"grade": true, "grade_id": "clinic_report", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `clinic_report`  (4 points, marked by a person, 20 minutes)
#
# A company offers your hospital a network for pneumothorax, with an AUROC of 0.97 on 5,000 held-out films of the clinic where
# it was trained, and ten heat maps on each of which the hottest spot lies in the lung. You may have 2,000 films of *your*
# hospital, labelled, and one week. Write to your head of department in about twelve sentences: what the two pieces of evidence
# are worth; which shortcut you suspect first, and why; the experiment by which you would find out, with its control, and what
# result would make you say no; which groups of patients you would report separately, and how; and what you would do if you were
# right. Use what you saw in your own notebooks, with numbers.
#
# ### BEGIN SOLUTION
# *Model answer.* The 0.97 was measured on films of the same clinic, which share its accidents: my own biased network had a.aa
# on its own kind, b.bb on neutral and c.cc on reversed films. Ten maps were chosen by somebody, and a hottest spot proves
# nothing in either direction: in my table the peak of one method lay on the cue in d % of the films and that of the other in e
# %, for the same network, whose score fell by f.ff when the cue was erased. I suspect the chest drain: most patients with a
# drain have a known pneumothorax, and it lies in the lung, so a map "in the lung" fits it as well. On our films I would have
# drains outlined (or at least noted), erase the drain in positives with a smooth filling and as much of the same shape
# elsewhere, away from the pleura, and compare the change of the score film by film, with an interval over patients; and paste
# drains into films of healthy patients, with another line-like thing of the same length as control. No black squares, which are
# a cue themselves. If erasing a drain takes the score of treated patients down by much more than the control (say by more than
# 0.2, with an interval that leaves out the control's), I say no. I would report the AUROC of positives with and without a drain
# against all negatives, with counts and patient intervals, and the same for bedside films; the untreated ones matter, because
# they are to be found. If there are only twenty of them, I say that we do not know. If I am right: ask for a network trained on
# repaired films, drains erased in all and drawn into half of each class or balanced as far as the effective number allows, and
# judge it on untreated patients of our hospital, not on the old test set, where it will look worse.
#
# *Rubric.* 1 point: a held-out score from one source and picked maps are worth little, with own numbers from 03a. 1 point: a
# plausible shortcut and an intervention with a *matched* control, a comparison film by film, and a result that would decide. 1
# point: strata with counts and intervals over patients, negatives shared, and what is said about small ones. 1 point: a repair
# whose proof is on neutral or external films, and what it costs on the old test set. An answer that rests on looking at more
# maps gets at most 2 points.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - J. R. Zech et al.: Variable generalization performance of a deep learning model to detect pneumonia in chest radiographs.
#   PLOS Medicine 15(11), 2018, e1002683.
# - L. Oakden-Rayner et al.: Hidden stratification causes clinically meaningful failures in machine learning for medical
#   imaging. ACM CHIL 2020, arXiv 1909.12475.
# - A. J. DeGrave, J. D. Janizek, S.-I. Lee: AI for radiographic COVID-19 detection selects shortcuts over signal. Nature
#   Machine Intelligence 3, 2021.
# - F. Kamiran, T. Calders: Data preprocessing techniques for classification without discrimination. Knowledge and Information
#   Systems 33, 2012.
#
# **Next:** lab 04 trains a network for pneumothorax, and meets the chest drain.
