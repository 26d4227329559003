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
# # 04b Pneumothorax: its ROC, and who is behind it
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 80 minutes | 1.5 GB | 50 MB, drawn on your machine in a minute; a checkpoint of 0.3 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# The lesson that this lab grew from ended with one curve and one sentence: "70 % accuracy on 100 test films". You will draw
# that curve by hand, find out what the sentence was worth, and look *behind* the curve: at the patients for whom the network
# works, at the ward where it is to be used, and at the question whether the test films say anything about that ward.
#
# **When you are done you can**
#
# - put an interval on "70 of 100" and say how many films it would take to halve it;
# - draw an ROC curve by hand, with its axes named rightly, and say what three lazy programs score on it;
# - read the area under it as a chance, and count it from ranks;
# - show, with counts and intervals, that a network is worse for those who need it most;
# - test, without any label, whether new films were drawn as the old ones were;
# - choose an operating point for a ward that can follow only so many alarms a day.
#
# You need 01b (patients, intervals, thresholds on validation). 04a is not needed, but it is where this network was built.

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import baselines, metrics
from medxai.networks import own_network
from medxai.checks import pneumothorax as checks

import pathlib

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

import data_fetch

MY_NETWORK = False  # True: judge the network that you trained in 04a, section 7

# %% [markdown]
# ## 1. Restore a network, and meet it
#
# The checkpoint was trained with 04a's network and recipe. Its card says on what, and how it did. If you trained a network of
# your own in 04a, set `MY_NETWORK = True` in the first cell and run everything again: each section is then about yours.

# %% tags=["demo"]
checkpoint = medxai.load_checkpoint(f"pneumothorax-{data_fetch.profile().name}")
validation = data_fetch.fetch_pneumothorax(split="validation")
test = data_fetch.fetch_pneumothorax(split="test")
file = pathlib.Path("my_pneumothorax.keras")
mine = own_network.load(file, checkpoint, validation) if MY_NETWORK or file.exists() else None

def scores_of(images, yours=MY_NETWORK):
    """The probability of pneumothorax, by the checkpoint or by your own network."""
    return (mine if yours else checkpoint).predict(images)[:, 1]

val_scores, test_scores = scores_of(validation.images), scores_of(test.images)
threshold = metrics.operating_point(validation.labels, val_scores, 0.9).threshold      # as in 01b
print("validation:", validation, "\ntest:      ", test)
print("trained by:", checkpoint.card["training"]["optimizer"], "on", checkpoint.card["data"]["films"], "films")
for name in ("auroc", "auroc_with_drain", "auroc_without_drain"):
    if name in checkpoint.card["metrics"]:
        row = checkpoint.card["metrics"][name]
        print(f"on its card: {name:20} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")

# %% [markdown]
# Meet it film by film. Change `index`; say what *you* see; then compare with the network, and with what is known.

# %% tags=["demo"]
index = 5      # change me, from 0 to the number of test films
index = min(index, len(test) - 1)
called = test_scores[index] >= threshold
print(f"the network: {test_scores[index]:.2f}, {'called' if called else 'not called'} at its threshold {threshold:.2f}")
print(f"the truth:   {test.classes[test.labels[index]]}", "" if test.masks is None else
      f"(drain: {test.attributes.drain[index]}, skin fold: {test.attributes.fold[index]})")
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4.3))
plots.film(test.images[index], f"film {index}", axes[0])
plots.film(test.images[index], "what is known", axes[1])
for name, colour in (("pneumothorax", plots.ORANGE), ("drain", plots.GREEN), ("fold", plots.PURPLE)):
    if test.masks is not None and test.masks[name][index].any():
        axes[1].contour(test.masks[name][index], levels=[0.5], colors=[colour], linewidths=1)
plots.show(fig, alt="One test film twice: left as the network gets it, right with the known outlines of air in orange, a drain in "
           "green and a skin fold in purple, if it has any. Real films have no outlines.")

# %% [markdown]
# ## 2. "70 % on 100 films"
#
# **Before you go on.** 70 of 100 films were right. Between which two numbers does the accuracy on *all* such films lie, with
# 95 % confidence? Write down your guess.

# %% tags=["demo", "keep_output", "nbval-check-output"]
for n in (20, 100, 300, 1000, 10000):
    low, high = binomtest(round(0.7 * n), n).proportion_ci(0.95, "exact")
    print(f"{round(0.7 * n):5} of {n:5} right: from {low:.0%} to {high:.0%}, {high - low:.3f} wide")

# %% [markdown]
# Most people guess half of that. (This is the exact binomial interval of Clopper and Pearson, 1934; it holds for one film a
# patient. With several films a patient it is wider still, as 01b showed.) To halve a width takes four times the films. On
# 100 films a network of 60 % and one of 79 % cannot be told apart.
#
# The original lesson drew its 100 films at random, with replacement, in every run. Let us do that with our network a
# thousand times:

# %% tags=["demo"]
rng = np.random.default_rng(0)
right = (test_scores >= threshold) == test.labels
draws = [right[rng.integers(0, len(test), 100)].mean() for _ in range(1000)]
low, high = binomtest(round(100 * right.mean()), 100).proportion_ci(0.95, "exact")
fig, ax = plt.subplots(figsize=(6.4, 2.8))
ax.hist(draws, bins=np.arange(0.505, 1.01, 0.01), color=plots.BLUE, alpha=0.7)
ax.axvspan(low, high, color=plots.ORANGE, alpha=0.2, label=f"exact interval for 100 films, {low:.2f} to {high:.2f}")
ax.axvline(right.mean(), color="black", lw=1, label=f"all {len(test)} test films: {right.mean():.3f}")
ax.set(xlabel="accuracy on 100 films, drawn at random", ylabel="of 1,000 runs")
ax.legend(fontsize=8)
plots.show(fig, alt="Histogram of the accuracy in 1,000 runs with 100 randomly drawn test films each: a hill some ten to twenty points wide "
           "around the accuracy on all test films, with the exact interval for 100 films shaded behind it.")

# %% [markdown]
# One network, one test set, and a spread of many points: whoever runs the cell until the number is nice will get a nice
# number. Score every test film, once.
#
# ## 3. The ROC curve, by hand
#
# A network gives every film a number. A threshold makes decisions of numbers: called, or not. Of the ill films some are
# called, the **sensitivity**; of the healthy films some are called, too, **1 - specificity**. Lower the threshold step by
# step, from "nobody is called" to "everybody is called", and draw one against the other: that is the ROC curve.
#
# Both axes divide by what *is*: the number of ill films, the number of healthy films. The lesson that this lab grew from
# called its axes *PPV and NPV*, positive and negative predictive value. Those divide by who is *called*, and change when
# the disease is rarer, with the same network. It is the most common mix-up in this field; the check below knows it.
#
# Films with equal scores cannot be told apart by any threshold. They make **one** step together, a slope if there are both
# ill and healthy ones among them. Under a slope lies a trapezoid, not a rectangle.
#
# ### Exercise: `roc_by_hand`  (hard, 20 minutes)
#
# Write it for the two columns that the network gives. (scikit-learn has functions for curve and area; the check compares
# yours with them to twelve digits. Please do not call them here.)
#
# <details><summary>Hint 1: the idea</summary>
# Sort the films from the highest score to the lowest and walk along them, counting ill and healthy ones on the way. After
# each film you stand at a point. Which of these points are real? Those after the *last* film of each score.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `np.cumsum` of the sorted labels counts the ill, of 1 minus the labels the healthy. Keep the places where the next score is
# another one, and the very last place. Put a 0 in front of both. Area: for each step its width times the *mean* of its two
# heights.</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no
# points and costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "roc_by_hand", "locked": false, "schema_version": 3, "solution": true, "task": false}
def roc_by_hand(labels, probabilities):
    """The ROC curve of pneumothorax and the area under it.

    Parameters
    ----------
    labels : int array, (N,)
        1 where the film shows pneumothorax, 0 where not.
    probabilities : float array, (N, 2)
        As the network gives them: column 0 for no pneumothorax, column 1 for pneumothorax.

    Returns
    -------
    tuple (fpr, tpr, area)
        Two float arrays of the same length: 1 - specificity and sensitivity, from (0, 0), where nobody is called, to (1, 1);
        one point after the first for each distinct score, films with equal scores together. And the area, a float.

    Raises
    ------
    ValueError
        If all films are ill or all healthy: there is no curve then.

    Example
    -------
    One of two ill films scores highest; the other shares its score with the healthy film:

    >>> roc_by_hand(np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.6, 0.4], [0.6, 0.4]]))
    (array([0., 0., 1.]), array([0. , 0.5, 1. ]), 0.75)
    """
    ### BEGIN SOLUTION
    ill, healthy = np.sum(labels == 1), np.sum(labels == 0)
    if not ill or not healthy:
        raise ValueError(f"roc_by_hand: needs both classes, got {ill} ill and {healthy} healthy films.")
    scores = probabilities[:, 1]
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    tpr = np.append(0.0, np.cumsum(labels[order] == 1)[ends] / ill)
    fpr = np.append(0.0, np.cumsum(labels[order] == 0)[ends] / healthy)
    area = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))
    return fpr, tpr, area
    ### END SOLUTION

# %% tags=["check"]
checks.roc_by_hand(roc_by_hand)

# %% nbgrader={"grade": true, "grade_id": "roc_by_hand-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The points are scikit-learn's to 1e-12, ties included (2 points).

# %% nbgrader={"grade": true, "grade_id": "roc_by_hand-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The area is scikit-learn's to 1e-12, ties included (2 points).

# %% nbgrader={"grade": true, "grade_id": "roc_by_hand-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A score that knows nothing has area 0.5, and a curve of one class only is refused (1 point).

# %% tags=["demo"]
def two_columns():
    both = np.stack([1 - test_scores, test_scores], axis=1)
    fig, ax = plt.subplots(figsize=(4.6, 4.6))
    for name, of, colour in (("column 1: pneumothorax", (test.labels, both), plots.BLUE),
                             ("column 0: no pneumothorax", (1 - test.labels, both[:, ::-1]), plots.VERMILION)):
        fpr, tpr, area = roc_by_hand(*of)
        ax.plot(fpr, tpr, color=colour, label=f"{name}, area {area:.3f}")
        first = np.argmax(tpr >= 0.9)
        ax.plot(fpr[first], tpr[first], "o", color=colour, label=f"   at 0.9 up, {fpr[first]:.2f} across")
    plots.curve_axes(ax, "1 - specificity: called, of the healthy", "sensitivity: called, of the ill", "same network, same films")
    ax.plot([0, 1], [0, 1], color=plots.GREY, ls=":", lw=1)
    ax.legend(fontsize=8, loc="lower right")
    return fig

plots.yours_or_expected(two_columns, lambda: checks.roc_by_hand(roc_by_hand), "two_columns",
    alt="Two ROC curves of the same network on the same films, for each of its output columns. They are mirror images across the "
        "falling diagonal: equal areas, but the points where each reaches 0.9 lie at different places.")

# %% [markdown]
# **What you should see.** Two curves with the *same area*, mirrored. The original lesson scored column 0 against "no
# pneumothorax" and never noticed, because its area is right. But whoever reads an operating point there reads it for the
# wrong class: "finds 90 % of the ill" becomes "clears 90 % of the healthy".
#
# ### Three lazy programs
#
# The original lesson says of two of them that "always positive" has 100 % *accuracy*, and that a constant classifier has
# area *0*. **Before you run the cell:** what do they really have?

# %% tags=["demo"]
rng = np.random.default_rng(1)
programs = {"calls everybody": (np.ones(len(test)), 0.5), "calls nobody": (np.zeros(len(test)), 0.5),
            "throws a coin": (rng.uniform(size=len(test)), 0.5), "the network": (test_scores, threshold)}

def share(one, others):
    return f"{one / (one + others):.2f}" if one + others else "-"

print(f"{'':16} {'sensitivity':>12} {'specificity':>12} {'PPV':>6} {'NPV':>6} {'accuracy':>9} {'area':>6}")
for name, (score, limit) in programs.items():
    table = metrics.confusion(test.labels, (score >= limit).astype(int))      # row: truth, column: call
    print(f"{name:16} {share(table[1, 1], table[1, 0]):>12} {share(table[0, 0], table[0, 1]):>12}"
          f" {share(table[1, 1], table[0, 1]):>6} {share(table[0, 0], table[1, 0]):>6}"
          f" {np.mean((score >= limit) == test.labels):9.2f} {metrics.auroc(test.labels, score):6.2f}")

# %% [markdown]
# Calling everybody has a *sensitivity* of 1, and the accuracy of whatever share is ill. A constant has area 0.5: all films
# tie, the curve is the diagonal. A coin is near 0.5, and how far off it is here shows how much chance there is in this many
# films. An area near 0 would be a *perfect* ranking held upside down.
#
# ## 4. What the area means
#
# Take one ill and one healthy film, both at random. The area under the ROC curve, the AUROC of 01b, is the chance that the
# ill film has the higher score, ties counting half (Hanley and McNeil, Radiology 143, 1982). So it can be had without any
# curve, by counting pairs. And counting pairs is adding up **ranks**: number the films from the lowest score (1) to the
# highest (N); an ill film's rank says how many films it beats. Statisticians know it as the test of Mann and Whitney
# (1947).
#
# ### Exercise: `rank_auroc`  (medium, 12 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Add up the ranks of the n ill films. Among themselves they would have had 1 + 2 + ... + n, whatever happens: take that off.
# What is left counts the healthy films that they beat.</details>
#
# <details><summary>Hint 2: the shape</summary>
# n (n + 1) / 2 is what 1 + 2 + ... + n is; there are (number of ill) x (number of healthy) pairs. Equal scores share the
# mean of their ranks: `scipy.stats.rankdata` does that, `argsort` of `argsort` does not. Comparing all pairs with
# broadcasting is an answer too.</details>

# %% nbgrader={"grade": false, "grade_id": "rank_auroc", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rank_auroc(labels, scores):
    """The chance that an ill film scores above a healthy one.

    Parameters
    ----------
    labels : int array, (N,)
        1 ill, 0 healthy; both occur.
    scores : float array, (N,)
        Any numbers, not only probabilities; only their order counts. Not changed.

    Returns
    -------
    float, from 0 to 1
        Pairs of one ill and one healthy film that the ill one wins, as a share of all such pairs. A tie is half a win.

    Example
    -------
    One pair is won and one is a tie:

    >>> rank_auroc(np.array([1, 0, 0]), np.array([5.0, 5.0, 2.0]))
    0.75
    """
    ### BEGIN SOLUTION
    from scipy.stats import rankdata

    ill = np.sum(labels == 1)
    above = rankdata(scores)[labels == 1].sum() - ill * (ill + 1) / 2
    return float(above / (ill * np.sum(labels == 0)))
    ### END SOLUTION

# %% tags=["check"]
checks.rank_auroc(rank_auroc)

# %% nbgrader={"grade": true, "grade_id": "rank_auroc-1", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# It is the share of pairs that the ill film wins, on any scale (1 point).

# %% nbgrader={"grade": true, "grade_id": "rank_auroc-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A tie counts half (1 point).

# %% nbgrader={"grade": true, "grade_id": "rank_auroc-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Only the order counts: stretching the scores changes nothing, turning them round gives one minus the area (1 point).

# %% tags=["demo"]
def pairs():
    ill, healthy = (np.sort(test_scores[test.labels == c])[::-1] for c in (1, 0))
    won = ill[:, None] > healthy                                                  # rows: ill films, highest first
    fig, ax = plt.subplots(figsize=(4.6, 4.4))
    ax.imshow(won, cmap="Blues", vmin=0, vmax=1.6, aspect="auto", extent=(0, 1, 1, 0), interpolation="nearest")
    fpr, tpr, _ = roc_curve(test.labels, test_scores)
    ax.plot(fpr, tpr, color=plots.VERMILION, lw=2, label="the ROC curve")
    ax.invert_yaxis()
    ax.set(xlabel="healthy films, highest score first", ylabel="ill films, highest score first",
           title=f"blue: pairs that the ill film wins, {rank_auroc(test.labels, test_scores):.3f} of all")
    ax.legend(loc="lower right")
    return fig

plots.yours_or_expected(pairs, lambda: checks.rank_auroc(rank_auroc), "pairs",
    alt="A square with a row for each ill and a column for each healthy film, sorted by score; a cell is blue where the ill film "
        "wins. The blue region's upper left border is exactly the ROC curve, drawn on top in red.")

# %% [markdown]
# **What you should see.** The border between won and lost pairs *is* the curve, and the blue share *is* the area.
#
# ## 5. How rare is it?
#
# In our test set half of the films are ill. In no ward is that so. The ROC curve does not change with that, which is its
# strength, and its danger: what a doctor asks is "this film was called; is it true?", the **predictive value** (precision),
# and that changes a great deal. So beside each ROC curve belongs a **precision-recall curve**, at the **prevalence** of the
# place, the share of ill films there.
#
# **Before you look:** at a sensitivity of 0.8, how many of the called films are ill if one in two is? If one in twenty is?

# %% tags=["demo"]
across = np.linspace(0.01, 1, 100)

def sensitivity_at(labels, scores):
    fpr, tpr, _ = roc_curve(labels, scores)
    return np.interp(across, fpr, tpr)

def as_if(prevalence, labels):
    """Weights that give the ill films this share."""
    return np.where(labels == 1, prevalence / labels.mean(), (1 - prevalence) / (1 - labels.mean()))

def precision_at(prevalence):
    """Precision at each sensitivity, had the ill this share: a curve for `metrics.bootstrap_band`."""
    def curve(labels, scores):
        precision, recall, _ = precision_recall_curve(labels, scores, sample_weight=as_if(prevalence, labels))
        return np.interp(across, recall[::-1], precision[::-1])
    return curve

# %% tags=["demo"]
fig, axes = plt.subplots(1, 2, figsize=(9.6, 4.5))
of_test = test.labels, test_scores, test.patients
places = {"one in two ill": 0.5, "one in twenty": 0.05, "one in a hundred": 0.01}
for ax, curves in zip(axes, ({"all test films": sensitivity_at}, {name: precision_at(p) for name, p in places.items()})):
    for (name, curve), colour in zip(curves.items(), (plots.BLUE, plots.ORANGE, plots.VERMILION)):
        ax.fill_between(across, *metrics.bootstrap_band(*of_test, curve, 200), color=colour, alpha=0.2)
        ax.plot(across, curve(*of_test[:2]), color=colour, label=name)
    ax.legend(fontsize=8)
plots.curve_axes(axes[0], "1 - specificity", "sensitivity", f"ROC, area {metrics.bootstrap_interval(*of_test)}")
plots.curve_axes(axes[1], "sensitivity (recall)", "predictive value (precision)", "the same network in three places")
fig.tight_layout()
plots.show(fig, alt="Left the ROC curve of the test films with a band of 95 % over patients. Right three precision-recall curves of "
           "the same network with bands: the rarer the disease, the lower; for one in a hundred most of those called are healthy.")

# %% tags=["demo"]
print("average precision on the test films, 95 % intervals over patients (a coin has the share of the ill):")
for prevalence in (0.5, 0.05, 0.01):
    def average(labels, scores, prevalence=prevalence):
        return average_precision_score(labels, scores, sample_weight=as_if(prevalence, labels))
    print(f"   {prevalence:4.0%} ill: {metrics.bootstrap_interval(*of_test, statistic=average, resamples=200)}")

# %% [markdown]
# The bands also show what *wide* means here: this is a few hundred films. (Where a precision stays at 1, no healthy film
# has so high a score; with so few healthy films, that is no promise for a rare disease.) **And phantoms flatter.** Whatever
# area stands above the left curve: the TorchXRayVision project publishes 0.75 and 0.84 for pneumothorax on held-out NIH
# films, with far larger networks (its BENCHMARKS.md of July 2023). The number judges the *method*, not a product.
#
# ## 6. Who is behind the curve?
#
# Nearly half of the ill films in the phantom set have a chest drain: somebody has already found the air and treated it. For
# these patients a network is of no use. Those who need it have no drain *yet*. Is the network as good for them?
#
# Both groups are compared with **the same healthy films**: a drain goes with the disease, so that only the ill differ between
# the rows. (Real films do not say who has a drain, so this section uses phantoms in every profile.)

# %% tags=["demo"]
drawn = data_fetch.fetch_pneumothorax(source="phantom", split="test", size=128)
small = medxai.load_checkpoint("pneumothorax-cpu")
same_size = MY_NETWORK and test.images.shape[1:] == drawn.images.shape[1:]

def phantom_scores(images):
    return scores_of(images) if same_size else small.predict(images)[:, 1]

scores = phantom_scores(drawn.images)
drain, ill = drawn.attributes["drain"].to_numpy(bool), drawn.labels == 1
groups = np.where(drain, "with a drain", "no drain yet")
strata = metrics.subgroup_table(drawn.labels, scores, drawn.patients, groups, shared_negatives=True)
strata.loc["all"] = [len(drawn), len(np.unique(drawn.patients)), ill.sum(), (~ill).sum(),
                     *metrics.bootstrap_interval(drawn.labels, scores, drawn.patients)]
called = scores >= (threshold if same_size else small.threshold)
strata["found"] = [f"{called[ill & some].sum():.0f} of {(ill & some).sum()}" for some in (~drain, drain, drain | ~drain)]
strata.astype(dict.fromkeys(("films", "patients", "positives", "negatives"), int)).rename(columns={"value": "AUROC"}).round(3)

# %% [markdown]
# The row "all" is what a paper prints. The row that counts for a patient who walks in is "no drain yet". Is the difference more
# than chance? And if it is, does the network *read the drain*, or are drained lungs just emptier and easier?

# %% tags=["demo"]
def difference(labels, both):      # both: the score, and whether there is a drain
    healthy, tube = labels == 0, both[:, 1] == 1
    with_one, without = (metrics.auroc(labels[some], both[some, 0]) for some in (healthy | tube, healthy | ~tube))
    return with_one - without

both = np.stack([scores, drain], axis=1)
gap = metrics.bootstrap_interval(drawn.labels, both, drawn.patients, statistic=difference, resamples=500)
print("AUROC with a drain minus without, 95 % interval over patients:", gap)
print(f"a program that looks for drains only has an area of {metrics.auroc(drawn.labels, drain.astype(float)):.3f}\n")
severity = drawn.attributes["severity"].to_numpy()
print(f"share of the side filled with air, mean: {severity[ill & drain].mean():.2f} with a drain, {severity[ill & ~drain].mean():.2f} without")
for name, some in (("healthy, with a drain", ~ill & drain), ("healthy, without", ~ill & ~drain)):
    rate = metrics.proportion_interval(called[some].sum(), some.sum())
    print(f"{name:22} {called[some].sum():3} of {some.sum():3} called, {rate}")

# %% tags=["demo"]
edges = np.quantile(severity[ill], [0, 1 / 3, 2 / 3, 1])
fig, ax = plt.subplots(figsize=(6.4, 3.2))
for offset, (name, some), colour in ((-0.15, ("with a drain", drain), plots.GREEN), (0.15, ("no drain yet", ~drain), plots.BLUE)):
    for third in range(3):
        low, high = edges[third], edges[third + 1]
        inside = ill & some & (severity >= low) & ((severity < high) | (third == 2))
        share, bottom, top = metrics.proportion_interval(called[inside].sum(), inside.sum())
        ax.plot([third + offset] * 2, [bottom, top], color=colour, lw=2)
        ax.plot(third + offset, share, "o", color=colour, label=name if third == 0 else None)
        ax.text(third + offset, 0.02, f"n={inside.sum()}", ha="center", fontsize=8)
ax.set(ylim=(0, 1.05), ylabel="found, of the ill", xticks=range(3),
       xticklabels=[f"{edges[k]:.0%} to {edges[k + 1]:.0%} air" for k in range(3)], title="by how much air there is")
ax.legend(fontsize=8, loc="center right")
plots.show(fig, alt="Share of the ill films that are found, with intervals, in three groups by the amount of air, with and without a "
           "drain. With little air films without a drain are found less often than films with one; the number of films is under "
           "each interval.")

# %% [markdown]
# Look at the group with the least air. If the two dots lie apart there, at the *same* amount of air, then the tube helped. And
# look at the healthy films with a drain: few, so the interval is wide, but they are the cleanest question one can ask of a
# network, "does a tube alone raise your score?". (These intervals are by film; over patients they would be somewhat wider. Lab
# 03 asks the question by pasting and erasing.)
#
# The same was seen on real films: a network was better at a pneumothorax with a drain than at one without
# (Oakden-Rayner et al., arXiv 1909.12475, 2020). They called it **hidden stratification**: the groups were in the data all
# along, and no label named them.
#
# ## 7. Were the test films drawn as the training films were?
#
# An area on test films is a promise for films *drawn in the same way*. Is that so for a new hospital's films? One can find out
# without a single label: train a classifier to tell *which set* a film is from. If it cannot (area 0.5), the sets look alike
# to it. If it can, something differs, and whoever trusts the old number should first find out what. This is a **two-sample
# classifier** (Lopez-Paz and Oquab, ICLR 2017, arXiv 1610.06545).
#
# ### Exercise: `told_apart`  (bonus, hard, 15 minutes)
#
# Write it with a logistic regression. Everything you learned about splits holds here as well: a film must be judged by a
# classifier that has seen neither it nor another film of its patient.
#
# <details><summary>Hint 1: the idea</summary>
# Put both sets on one pile, label the first 0 and the second 1, and let every film be scored by a fold in which its patient
# was held out. The two sets have different patients, even if their numbers agree: make the numbers differ first.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `StratifiedGroupKFold(5, shuffle=True, random_state=seed)`; a pipeline of `StandardScaler` and `LogisticRegression` (a small
# C, such as 0.01, for many features); its `decision_function` for the held-out rows; at the end one `metrics.auroc`.</details>

# %% nbgrader={"grade": false, "grade_id": "told_apart", "locked": false, "schema_version": 3, "solution": true, "task": false}
def told_apart(first, second, first_patients, second_patients, seed):
    """How well a logistic regression tells two sets of films apart.

    Parameters
    ----------
    first, second : float arrays, (N, F) and (M, F)
        Features of the films of both sets, such as small pictures.
    first_patients, second_patients : int arrays, (N,) and (M,)
        Who is on each film. The same number in both sets means two different people.
    seed : int
        Of the folds.

    Returns
    -------
    float, from 0 to 1
        The area under the ROC curve for "is from the second set", each film scored by a fold without its patient.
    """
    ### BEGIN SOLUTION
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.concatenate([first, second])
    which = np.repeat([0, 1], [len(first), len(second)])
    people = np.concatenate([np.unique(first_patients, return_inverse=True)[1], -1 - np.unique(second_patients, return_inverse=True)[1]])
    scores = np.zeros(len(rows))
    for learn, held in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(rows, which, people):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        scores[held] = model.fit(rows[learn], which[learn]).decision_function(rows[held])
    return metrics.auroc(which, scores)
    ### END SOLUTION

# %% tags=["check"]
checks.told_apart(told_apart)

# %% nbgrader={"grade": true, "grade_id": "told_apart-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Sets that were drawn alike give about 0.5, whatever their sizes and however alike a patient's films are (0 points).

# %% nbgrader={"grade": true, "grade_id": "told_apart-2", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Sets that differ are told apart, and the second one scores higher (0 points).

# %% tags=["demo"]
def drift():
    old = data_fetch.fetch_pneumothorax(source="phantom", split="validation", size=128)
    curve = np.round(255 * (np.arange(256) / 255) ** 0.8).astype(np.uint8)
    new = {"test, as it is": drawn.images, "other exposure": curve[drawn.images], "moved by 4 pixels": np.roll(drawn.images, 4, axis=2),
           "bedside (AP) films only": drawn.images[(drawn.attributes["view"] == "AP").to_numpy()]}
    fig, ax = plt.subplots(figsize=(7, 2.8))
    for y, images in enumerate(new.values()):
        some = (drawn.attributes["view"] == "AP").to_numpy() if len(images) < len(drawn) else np.ones(len(drawn), bool)
        apart = told_apart(baselines.shrink(old.images), baselines.shrink(images), old.patients, drawn.patients[some], 0)
        area = metrics.auroc(drawn.labels[some], phantom_scores(images))
        ax.plot([apart, area], [y, y], color=plots.GREY, lw=0.6, zorder=0)
        ax.plot(apart, y, "s", color=plots.VERMILION, label="told apart from validation" if y == 0 else None)
        ax.plot(area, y, "o", color=plots.BLUE, label="pneumothorax, by the network" if y == 0 else None)
    ax.axvline(0.5, color=plots.GREY, ls=":")
    ax.set(yticks=range(len(new)), yticklabels=list(new), ylim=(len(new) - 0.4, -0.6), xlabel="area under the ROC curve", xlim=(0.35, 1.03))
    ax.legend(fontsize=8, loc="lower left")
    fig.tight_layout()
    return fig

plots.yours_or_expected(drift, lambda: checks.told_apart(told_apart), "drift",
    alt="Four rows of test films: as they are, with another exposure, moved, bedside films only. Squares: how well each is told from "
        "validation films, near 0.5 for the first row, higher for the others. Dots: the network's area on each, which falls much less.")

# %% [markdown]
# **What you should see.** The test films as they are: near 0.5, so nothing speaks against the promise. The others are told
# apart, some of them clearly, though their content is the same. The dots say what this does to the network: often little. A
# two-sample classifier tells *that* something changed, not whether it matters. An area above 0.5 is a question, not a verdict;
# an area of 0.5 on 16 x 16 pixels says nothing about what is smaller than a block, such as a pleural line.
#
# ## 8. A ward with so many hands
#
# Films are taken at the bedside every morning. The network reads them first and raises an alarm; a radiologist looks at every
# alarm. There are only so many hands, so the ward says: *at most A alarms a day*. And the head of the ward says: *below a
# sensitivity of s we do not want it at all, people would rely on it*.
#
# How many alarms a threshold makes depends on the **ward's** prevalence, not on that of your films. With F films a day, of
# which a share p is ill:
#
# $$ \text{alarms} = F \left( p \cdot \text{sensitivity} + (1 - p)(1 - \text{specificity}) \right)
#    \qquad \text{predictive value} = \frac{F\, p \cdot \text{sensitivity}}{\text{alarms}} $$
#
# In 01b you chose the highest threshold that reached a sensitivity. Here the alarms are given, and you find as many ill as
# they allow. Both can fail to meet the demand, and a function that then returns *some* threshold is worse than none.
#
# ### Exercise: `ward_point`  (medium, 15 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Only films' scores are worth trying as thresholds. For each: sensitivity, 1 - specificity, alarms. Strike out what makes
# too many alarms; of the rest take the highest sensitivity; of equals the one with the fewest alarms. Is the floor
# reached?</details>
#
# <details><summary>Hint 2: the shape</summary>
# Going through the distinct scores from high to low, sensitivity and alarms can only grow: remember the threshold when the
# *sensitivity* grows, stop when there are too many alarms. Compare alarms with a hair of room, `<= most_alarms +
# 1e-9`.</details>

# %% nbgrader={"grade": false, "grade_id": "ward_point", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ward_point(labels, scores, prevalence, films_per_day, most_alarms, least_sensitivity):
    """The operating point that finds most within the alarms that a ward can follow.

    Parameters
    ----------
    labels : int array, (N,)
        1 ill, 0 healthy, of the films at hand (validation); their share of ill films is *not* the ward's.
    scores : float array, (N,)
        A film is called when its score is at or above the threshold.
    prevalence : float
        The share of the ward's films that are ill.
    films_per_day : float
    most_alarms : float
        Alarms a day that the ward can follow, true and false together.
    least_sensitivity : float
        Below this the ward does not want it.

    Returns
    -------
    tuple (threshold, sensitivity, alarms, predictive_value), or None
        Of the thresholds (scores of films) with at most `most_alarms` the one with the highest sensitivity; of equals the one
        with the fewest alarms. Alarms a day and predictive value are the ward's. None where none of these reaches the floor.

    Example
    -------
    Ten films a day, two of them ill: at 0.8 half of the ill and no healthy film is called, one alarm; at 0.5 two and four.

    >>> ward_point(np.array([1, 1, 0, 0]), np.array([0.8, 0.5, 0.6, 0.1]), 0.2, 10, 6, 0.9)
    (0.5, 1.0, 6.0, 0.3333333333333333)
    """
    ### BEGIN SOLUTION
    best, found_most = None, -1.0
    for threshold in np.unique(scores[labels == 1])[::-1]:
        called = scores >= threshold
        sensitivity, false = called[labels == 1].mean(), called[labels == 0].mean()
        true_alarms = films_per_day * prevalence * sensitivity
        alarms = true_alarms + films_per_day * (1 - prevalence) * false
        if alarms <= most_alarms + 1e-9 and sensitivity > found_most:
            found_most, best = sensitivity, (float(threshold), float(sensitivity), float(alarms), float(true_alarms / alarms))
    return best if found_most >= least_sensitivity - 1e-9 else None
    ### END SOLUTION

# %% tags=["check"]
checks.ward_point(ward_point)

# %% nbgrader={"grade": true, "grade_id": "ward_point-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The threshold finds the most that the alarms allow, and makes no needless alarm (2 points).

# %% nbgrader={"grade": true, "grade_id": "ward_point-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Alarms and predictive value are those of the ward's prevalence, not of the films at hand (1 point).

# %% nbgrader={"grade": true, "grade_id": "ward_point-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A demand that cannot be met is answered with None, one that can be met is not (1 point).

# %% tags=["demo"]
WARD = {"prevalence": 0.05, "films_per_day": 60, "most_alarms": 12, "least_sensitivity": 0.7}

def alarms_of(labels, scores, thresholds, prevalence, films_per_day, **_):
    found, false = (np.array([np.mean(scores[labels == c] >= t) for t in thresholds]) for c in (1, 0))
    return found, films_per_day * (prevalence * found + (1 - prevalence) * false)

# %% tags=["demo"]
def ward():
    fig, ax = plt.subplots(figsize=(6.6, 3.8))
    for name, (films, given), colour in (("validation", (validation, val_scores), plots.BLUE), ("test", (test, test_scores), plots.VERMILION)):
        found, alarms = alarms_of(films.labels, given, np.unique(given)[::-1], **WARD)
        ax.step(alarms, found, where="post", color=colour, label=f"{name} films, at the ward's prevalence")
    point = ward_point(validation.labels, val_scores, **WARD)
    if point is not None:
        (found,), (alarms,) = alarms_of(test.labels, test_scores, point[:1], **WARD)
        ax.plot(point[2], point[1], "o", color=plots.BLUE, ms=9, label=f"promised: {point[1]:.2f} found, {point[2]:.0f} alarms")
        ax.plot(alarms, found, "s", color=plots.VERMILION, ms=8, label=f"kept on test: {found:.2f} found, {alarms:.0f} alarms")
    ax.axvline(WARD["most_alarms"], color=plots.GREY, ls="--")
    ax.axhline(WARD["least_sensitivity"], color=plots.GREY, ls=":")
    ax.set(xlabel="alarms a day", ylabel="sensitivity", xlim=(0, 40), ylim=(0, 1.02),
           title="no such threshold" if point is None else f"threshold {point[0]:.2f}: {point[3]:.0%} of the alarms are true")
    ax.legend(fontsize=8, loc="lower right")
    return fig

plots.yours_or_expected(ward, lambda: checks.ward_point(ward_point), "alarms",
    alt="Sensitivity against alarms a day as the threshold falls, for validation and test films. A dashed line marks the alarms that "
        "the ward can follow, a dotted one the sensitivity that it demands; a dot the point chosen on validation, a square what the "
        "same threshold gives on the test films.")

# %% [markdown]
# **What you should see.** A dot left of the dashed line, above the dotted one, and a square that may well lie on the
# *other* side of the line. A limit that is just met on one set of films is missed on about every second other one; here the
# false alarms of a month hang on a handful of healthy validation films. So leave room, and tell the ward an interval. Most
# alarms are false, and that is no failure of the network: it is the price of a rare disease.
#
# One more thing. *Who lies in this ward?* Patients without a drain: one who has one is known. So the sensitivity to promise is
# that of section 6's second group. The same threshold, the same films, without those who are already treated:

# %% tags=["demo"]
point = metrics.operating_point(validation.labels, val_scores, WARD["least_sensitivity"])
print(f"for example at the threshold {point.threshold:.2f} (highest with {WARD['least_sensitivity']:.0%} on validation):")
small_called = (scores >= point.threshold).astype(int)
for name, some in (("all ill phantom films", ill), ("those without a drain", ill & ~drain)):
    value = metrics.mean_interval(small_called[some], drawn.patients[some])
    print(f"   sensitivity, {name}: {value}, {small_called[some].sum()} of {some.sum()} films")

# %% [markdown]
# ## 9. Your own network
#
# If you trained one in 04a, it is judged here, on the same patients as ours.

# %% tags=["demo"]
if mine is not None:
    yours, ours = (scores_of(test.images, yours) for yours in (True, False))
    print("your network:  ", metrics.bootstrap_interval(test.labels, yours, test.patients))
    print("the checkpoint:", metrics.bootstrap_interval(test.labels, ours, test.patients))
    print("difference:    ", metrics.paired_bootstrap(test.labels, yours, ours, test.patients))
else:
    print("Train a network of your own in 04a, section 7, and come back: it will be judged here.")

# %% [markdown]
# ## What these numbers do not tell you
#
# - **Where** the network looked. A network that reads the tube and one that reads the line may have the same area. Lab 05 goes
#   back to the places before the average and asks.
# - **What the next ward will see.** An interval is about other patients *drawn in the same way*.
#
# ## Recap
#
# - 70 of 100 is "60 to 79 %". Score every test film once.
# - The ROC curve divides by ill and by healthy; predictive values divide by called. A constant has area 0.5.
# - The area is the chance to win a pair. It does not know how rare the disease is; precision does.
# - Look behind the curve: groups with counts, intervals and shared negatives. A drain is a hidden stratum.
# - A two-sample classifier asks, without labels, whether new films are like the old ones.
# - An operating point belongs to a ward: its prevalence, its hands, its patients. "There is none" is an answer.

# %% [markdown] nbgrader={"grade": true, "grade_id": "screening", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `screening`  (4 points, marked by a person, 15 minutes)
#
# A firm offers this network to a ward in which one film in twenty shows a new pneumothorax and nobody has a drain yet. Its
# sheet says: "AUROC 0.95 on 300 films, half of them positive". Write to the head of the ward, about ten sentences, with numbers
# from *your* notebook: what the sheet's number means and how sure it is; what happens to it for patients without a drain; what
# an alarm would be worth there, and how many a day there would be; what you would measure before buying.
#
# ### BEGIN SOLUTION
# *Model answer.* The number is the chance that an ill film scores above a healthy one; with 300 films of fewer patients its
# 95 % interval over patients goes from a.aa to b.bb. It was measured on films of which half were ill and nearly half of
# these had a drain, that is, were found and treated before. Without them the area is c.cc [d.dd, e.ee], and of the ill
# films without a drain f of g are found at the threshold; with one, nearly all. The ward has only the former. At one in
# twenty ill and 60 films a day three are ill; a threshold that allows 12 alarms finds about h of them, and about one alarm
# in i is true, whereas on the sheet's films nearly every alarm was. The films are phantoms (or: of one hospital): published
# networks reach 0.75 to 0.84 on real ones. Before buying: some hundred films of this ward, labelled by radiologists, with
# drains noted; a two-sample classifier of our films against theirs; threshold chosen on one part and reported on another,
# with intervals over patients and by amount of air; and what the ward does today, as a comparison.
#
# *Rubric.* 1 point: says what an AUROC is (or is not), with an interval over patients. 1 point: the stratum without drains,
# with its own number and count, and why it is the one that matters. 1 point: alarms and predictive value at the ward's
# prevalence, in numbers. 1 point: phantoms or other hospital (or a two-sample test), and a concrete local measurement with
# choices and reports on different films.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - J. A. Hanley, B. J. McNeil: The meaning and use of the area under a receiver operating characteristic (ROC) curve. Radiology
#   143, 1982.
# - L. Oakden-Rayner, J. Dunnmon, G. Carneiro, C. Ré: Hidden stratification causes clinically meaningful failures in machine
#   learning for medical imaging. ACM CHIL 2020, arXiv 1909.12475.
# - T. Saito, M. Rehmsmeier: The precision-recall plot is more informative than the ROC plot when evaluating binary
#   classifiers on imbalanced datasets. PLOS ONE 10(3), 2015.
# - D. Lopez-Paz, M. Oquab: Revisiting classifier two-sample tests. ICLR 2017, arXiv 1610.06545.
# - C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial. Biometrika
#   26, 1934.
#
# **Next:** lab 05 asks this network *where*.
