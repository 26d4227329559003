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
# # 01b Cardiomegaly: judge a classifier
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 75 minutes | 1.5 GB | 130 MB, drawn on your machine in a minute; a checkpoint of 1.5 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# A network has been trained. Somebody will ask you: *how good is it, and how sure are you?* The lesson that this lab
# grew from answered with one number, a training accuracy of 0.911. In this notebook you find out what that number was
# worth, and what an answer looks like that you could defend in front of a clinician.
#
# **When you are done you can**
#
# - choose an operating point without touching the test films, and say what it costs;
# - put an honest interval around a number, over patients;
# - test whether a probability of 0.8 means 0.8, and mend it if not;
# - compare a network with baselines of one number, and look into subgroups;
# - say what a score on this data does not tell you.
#
# You need 01a (what an enlarged heart is, and why films are split by patient).

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import baselines, metrics
from medxai.networks import prediction
from medxai.checks import cardiomegaly as checks

import pathlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf

import data_fetch

# %% [markdown]
# ## 1. A number on its own says nothing
#
# The checkpoint was trained on other patients than any you see here; its card, below, tells how it was made. Films of
# *validation* are there to make choices on: which threshold, which temperature. Films of *test* are there to be looked at
# once, at the end of every choice.

# %% tags=["demo"]
checkpoint = medxai.load_checkpoint(f"cardiomegaly-{data_fetch.profile().name}")
same_source = checkpoint.card["data"]["source"] != "phantom"
validation = data_fetch.fetch_cardiomegaly(split="validation" if same_source else "develop")
test = data_fetch.fetch_cardiomegaly(split="test")
val_scores = checkpoint.predict(validation.images)[:, 1]
test_scores = checkpoint.predict(test.images)[:, 1]
print("validation:", validation)
print("test:      ", test)
print("the checkpoint was made by:", checkpoint.card["command"])
for key, value in checkpoint.card["data"].items():
    print(f"   {key}: {value}")

# %% [markdown]
# **Before you go on.** On the 400 films of 01a, 352 of which are normal: how accurate is a program that says "normal"
# without looking?

# %% tags=["demo"]
def accuracy(labels, scores):
    return np.mean((scores >= 0.5) == labels)

print(f"says 'normal' to all of validation:  {accuracy(validation.labels, np.zeros(len(validation))):.3f}")
print(f"the network on validation:           {accuracy(validation.labels, val_scores):.3f}")
print(f"says 'normal' to all of test:        {accuracy(test.labels, np.zeros(len(test))):.3f}")
print(f"the network on test:                 {accuracy(test.labels, test_scores):.3f}")

# %% [markdown]
# Accuracy depends on how rare the disease is in *this* set, so two sets cannot be compared by it. In the lesson that this
# lab grew from the lazy program scores 0.881 (352 of 400), and the network's 0.911 was measured **on its own training
# films**. What a training score is worth, shown with the simplest learner there is, a logistic regression on small
# pictures:

# %% tags=["demo"]
pixels = {side: baselines.logistic_regression(validation, part) for side, part in (("its own films", validation), ("test films", test))}
for side, part in (("its own films", validation), ("test films", test)):
    print(f"logistic regression on 16 x 16 pixels, AUROC on {side:14}: {metrics.auroc(part.labels, pixels[side]):.3f}")

# %% [markdown]
# Two films can be told apart by a threshold on the score: from there on a film is called ill. Move the threshold from the
# highest score to the lowest, and draw the share of ill films that are called (upwards) against the share of healthy films that
# are called too (to the right): that is the **ROC curve**. (In 04b you will draw it by hand.) The area under it, the **AUROC**,
# is the chance that an ill film scores higher than a healthy one. It does not depend on how rare the disease is, nor on a
# threshold. 0.5 is a coin.

# %% tags=["demo"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8))
plots.roc({f"network, {metrics.auroc(test.labels, test_scores):.2f}": (test.labels, test_scores),
           f"16 x 16 pixels, {metrics.auroc(test.labels, pixels['test films']):.2f}": (test.labels, pixels["test films"])}, axes[0])
for label, colour in enumerate(plots.CLASS_COLOURS):
    axes[1].hist(test_scores[test.labels == label], bins=np.linspace(0, 1, 26), color=colour, alpha=0.55, label=test.classes[label])
axes[1].set(xlabel="probability of cardiomegaly", ylabel="films", title="scores of the test films")
axes[1].legend()
fig.tight_layout()
plots.show(fig, alt="Left: ROC curves of the network and of logistic regression on the test films; the network's lies above the "
           "other nearly everywhere. Right: histograms of the network's probabilities; normal films pile up at 0 and enlarged "
           "hearts at 1, with some of both kinds in between.")

# %% [markdown]
# ## 2. Choose an operating point
#
# A ward needs a decision: call this film or not. Called is a film whose score is **at or above the threshold**. The
# *sensitivity* is the share of ill people who are called, the *specificity* the share of healthy people who are not.
# Most code calls at 0.5, for no reason. A reason would be: "we must find at least nine of ten".
#
# The threshold is a choice, and choices are made on validation films. If you pick it on the test films, the sensitivity
# that you report there is a promise kept by construction.
#
# ### Exercise: `operating_point`  (medium, 12 minutes)
#
# Choose the **highest** threshold that reaches the wanted sensitivity on the validation films, and report sensitivity
# and specificity **on the test films** at this threshold.
#
# <details><summary>Hint 1: the idea</summary>
# Only the positive validation films decide. Line up their scores from high to low. How many of them must be called?
# The score of the last one that must is the threshold.</details>
#
# <details><summary>Hint 2: the shape</summary>
# With n positive films and a wanted share s, the number to be called is n times s, rounded up. Mind that 0.9 * 10 may be
# a hair above 9 in a computer. Then two means of a boolean array, over two groups of test films.</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no
# points and costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "operating_point", "locked": false, "schema_version": 3, "solution": true, "task": false}
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    """A threshold chosen on validation, and what it gives on test.

    Parameters
    ----------
    val_labels, test_labels : int arrays, (N,) and (M,)
        0 or 1 for each film.
    val_scores, test_scores : float arrays, (N,) and (M,)
        The higher, the more likely ill. Scores may be equal.
    wanted : float
        The share of positive validation films that must be called, 0 < wanted <= 1.

    Returns
    -------
    tuple (threshold, sensitivity, specificity)
        The highest threshold that reaches `wanted` on validation; sensitivity and specificity of the test films. A film
        is called when its score is at or above the threshold.

    Example
    -------
    Two positive films with 0.7 and 0.4 must both be called, so the threshold is 0.4; on test this calls 0.5 and 0.6:

    >>> operating_point(np.array([0, 1, 1]), np.array([0.1, 0.7, 0.4]), np.array([0, 0, 1]), np.array([0.3, 0.5, 0.6]), 1.0)
    (0.4, 1.0, 0.5)
    """
    ### BEGIN SOLUTION
    positive = np.sort(val_scores[val_labels == 1])[::-1]
    must_be_called = int(np.ceil(wanted * len(positive) - 1e-9))
    threshold = float(positive[must_be_called - 1])
    called = test_scores >= threshold
    return threshold, float(called[test_labels == 1].mean()), float(1 - called[test_labels == 0].mean())
    ### END SOLUTION

# %% tags=["check"]
checks.operating_point(operating_point)

# %% nbgrader={"grade": true, "grade_id": "operating_point-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The highest threshold that reaches the wanted sensitivity on validation, ties included (2 points).

# %% nbgrader={"grade": true, "grade_id": "operating_point-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The threshold moves with the validation films and never with the test films (1 point).

# %% nbgrader={"grade": true, "grade_id": "operating_point-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Sensitivity and specificity are those of the test films at that threshold (1 point).

# %% tags=["demo"]
def ward():
    threshold, found, cleared = operating_point(validation.labels, val_scores, test.labels, test_scores, 0.9)
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    plots.roc({"test films": (test.labels, test_scores)}, axes[0])
    axes[0].plot(1 - cleared, found, "o", color=plots.VERMILION, ms=9)
    axes[0].set_title(f"threshold {threshold:.2f}: sensitivity {found:.2f}, specificity {cleared:.2f}", fontsize=9)
    plots.confusion(metrics.confusion(test.labels, (test_scores >= threshold).astype(int)), test.classes, axes[1])
    fig.tight_layout()
    return fig

plots.yours_or_expected(ward, lambda: checks.operating_point(operating_point), "ward",
    alt="Left: the ROC curve of the test films with the chosen operating point as a dot near its upper left bend. Right: the "
        "confusion matrix at that threshold, counts of films, most of them on the diagonal.")

# %% [markdown]
# **What you should see.** Asked for on validation were nine of ten. On the test films it may be more or less: that is the
# honest number. The table on the right is the **confusion matrix**: rows say what is true, columns what was called. Count the
# people in it: where few are ill, a specificity that sounds fine still means that most of those
# who are called are healthy.
#
# ## 3. How sure are you?
#
# The test films could have been other films of other patients. The **bootstrap** makes this visible: draw a new test
# set from the old one, with replacement, compute the area again, many times over, and look at how it scatters. The middle 95 %
# of these areas are a **95 % interval**: with other patients the number might well have been any of them.
#
# But draw *what*? Ten films of one patient are not ten patients.
#
# ### Exercise: `bootstrap_interval`  (hard, 20 minutes)
#
# Write the bootstrap interval of the AUROC **over patients**: each time draw as many patients as there are, with
# replacement, and take *all* films of a patient each time that it is drawn. A resample in which everybody is healthy (or
# everybody ill) has no area: draw again. The ends are quantiles of the areas. For the area itself call
# `metrics.auroc(labels, scores)`.
#
# <details><summary>Hint 1: the idea</summary>
# Before the loop make a list with the film numbers of each patient. In the loop draw positions in that list, with
# repetition, and join what you find: who is drawn twice brings all films twice.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `rng.integers(0, P, P)` draws P of P patients; `np.concatenate` joins their films. A level of 0.95 leaves 0.025 at each
# end. Make one generator from `seed` before the loop, not one in every turn of it.</details>
#
# No progress after 15 minutes? Run the check: it measures the width of your interval and says what a wrong width means.

# %% nbgrader={"grade": false, "grade_id": "bootstrap_interval", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bootstrap_interval(labels, scores, patients, resamples, level, seed):
    """Percentile bootstrap interval of the AUROC, over patients.

    Parameters
    ----------
    labels : int array, (N,)
        0 or 1 for each film.
    scores : float array, (N,)
    patients : int array, (N,)
        Who is on the film; a patient may have several films.
    resamples : int
        How many areas to compute.
    level : float
        0.95 for an interval that leaves out 2.5 per cent of the areas at each end.
    seed : int
        The same seed gives the same interval.

    Returns
    -------
    tuple (low, high) of floats
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    films_of = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    areas = []
    while len(areas) < resamples:
        drawn = np.concatenate([films_of[i] for i in rng.integers(0, len(films_of), len(films_of))])
        if labels[drawn].min() < labels[drawn].max():
            areas.append(metrics.auroc(labels[drawn], scores[drawn]))
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
    ### END SOLUTION

# %% tags=["check"]
checks.bootstrap_interval(bootstrap_interval)

# %% nbgrader={"grade": true, "grade_id": "bootstrap_interval-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Patients are drawn, with replacement and with all their films (2 points).

# %% nbgrader={"grade": true, "grade_id": "bootstrap_interval-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Resamples with one class only are drawn again and never spoil the interval (1 point).

# %% nbgrader={"grade": true, "grade_id": "bootstrap_interval-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The level is honoured, and the seed decides (1 point).

# %% tags=["demo"]
def two_intervals():
    data = test.labels, test_scores
    value = metrics.auroc(*data)
    rows = [("over patients (yours)", value, *bootstrap_interval(*data, test.patients, 1000, 0.95, 0)),
            ("over films (wrong)", value, *bootstrap_interval(*data, np.arange(len(test)), 1000, 0.95, 0))]
    return plots.intervals(rows, "AUROC on the test films, with 95 % intervals").figure

plots.yours_or_expected(two_intervals, lambda: checks.bootstrap_interval(bootstrap_interval), "two_intervals",
    alt="Two horizontal intervals around the same AUROC. The one over patients is wider than the one over films.")

# %% [markdown]
# ### Does a 95 % interval hold the truth in 95 % of the cases?
#
# On real data nobody knows. In a simulation we do. Here are 200 made-up clinics with four similar films a patient, in
# which the true area is known:

# %% tags=["demo", "keep_output", "nbval-check-output"]
def clinic(rng, patients=60, films=4):
    ill = np.repeat((np.arange(patients) % 3 == 0).astype(int), films)
    own = np.repeat(rng.normal(size=patients), films) + rng.normal(0, 0.3, patients * films)
    return ill, own + 1.5 * ill, np.repeat(np.arange(patients), films)

rng = np.random.default_rng(0)
many = [clinic(rng, patients=3000, films=1)[:2] for _ in range(20)]
truth = np.mean([metrics.auroc(*one) for one in many])
held = {"over patients": 0, "over films": 0}
for _ in range(200):
    ill, score, who = clinic(rng)
    for name, unit in (("over patients", who), ("over films", np.arange(len(ill)))):
        _, low, high = metrics.bootstrap_interval(ill, score, unit, resamples=300)
        held[name] += low <= truth <= high
for name, count in held.items():
    print(f"{name:14}: {count} of 200 intervals hold the true area of {truth:.3f}")

# %% [markdown]
# An interval over films claims 95 % and keeps far less: the more alike a patient's films are, the worse it gets. Over
# patients it comes close; with a few dozen patients even this bootstrap keeps slightly less than it claims.
#
# ## 4. Does 0.8 mean 0.8?
#
# A network can rank well and still lie about its certainty. **Calibration** asks: of all films that were given about
# 0.8, are eight of ten ill? Sort the films into bins by their probability, and in each bin compare the mean probability
# with the share that is ill.
#
# ### Exercise: `calibration_error`  (medium, 12 minutes)
#
# The *expected calibration error* (Naeini et al., AAAI 2015) adds up the gaps: for each bin of equal width, the share of
# the films in it times the size of the gap between the **mean probability** in the bin and the **share of positives**.
#
# <details><summary>Hint 1: the idea</summary>
# Give each film the number of its bin: probability times number of bins, rounded down. Which probability gets a number
# that does not exist?</details>
#
# <details><summary>Hint 2: the shape</summary>
# One loop over the bins; leave out empty ones. Each adds (films in the bin / all films) * |mean of labels - mean of
# probabilities|.</details>

# %% nbgrader={"grade": false, "grade_id": "calibration_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calibration_error(labels, probabilities, bins=10):
    """Expected calibration error for the positive class.

    Parameters
    ----------
    labels : int array, (N,)
        0 or 1 for each film.
    probabilities : float array, (N,)
        Of class 1, from 0 to 1, both included.
    bins : int
        Bins of equal width. A probability on an edge belongs to the upper bin, 1.0 to the last.

    Returns
    -------
    float, 0 <= error <= 1

    Example
    -------
    Four films in one bin, promised 0.75 and half of them ill:

    >>> calibration_error(np.array([0, 1, 0, 1]), np.array([0.75, 0.75, 0.75, 0.75]), bins=2)
    0.25
    """
    ### BEGIN SOLUTION
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            error += inside.mean() * abs(labels[inside].mean() - probabilities[inside].mean())
    return float(error)
    ### END SOLUTION

# %% tags=["check"]
checks.calibration_error(calibration_error)

# %% nbgrader={"grade": true, "grade_id": "calibration_error-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The error is the sum over bins of share times gap, for any number of bins (2 points).

# %% nbgrader={"grade": true, "grade_id": "calibration_error-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Honest probabilities have no error, sure but wrong ones the largest (1 point).

# %% [markdown]
# ### Mend it with one number
#
# The numbers that a network has before its softmax are the **logits**. Divide all of them by a **temperature** T (Guo et
# al., ICML 2017), and take the softmax of that. T above 1 makes a network less sure of everything, T below 1 more; no film
# overtakes another, so the AUROC stays as it is. T is fitted on validation, where it makes the labels most likely.
#
# ### Exercise: `fit_temperature`  (bonus, medium, 12 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# The loss is the mean of -log(probability of the true class), as a function of one number. Any minimiser of one
# variable will do, `scipy.optimize.minimize_scalar` for example. Search over log T: then T is positive by itself.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `scipy.special.log_softmax(logits / T, axis=1)` has shape (N, C); pick the entry of the true class in each row. Leave
# room on both sides: T may be 0.1 or 50.</details>

# %% nbgrader={"grade": false, "grade_id": "fit_temperature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_temperature(labels, logits):
    """The temperature that makes the labels most likely.

    Parameters
    ----------
    labels : int array, (N,)
        The true class of each film.
    logits : float array, (N, C)
        Outputs before the softmax. Probabilities become softmax(logits / T).

    Returns
    -------
    float, T > 0
    """
    ### BEGIN SOLUTION
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(log_t):
        return -log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(labels)), labels].mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))
    ### END SOLUTION

# %% tags=["check"]
checks.fit_temperature(fit_temperature)

# %% nbgrader={"grade": true, "grade_id": "fit_temperature-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# A known temperature is recovered, above and below 1 (0 points).

# %% nbgrader={"grade": true, "grade_id": "fit_temperature-2", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Logits three times as large have a temperature three times as high (0 points).

# %% tags=["demo"]
def before_and_after():
    T = metrics.fit_temperature(validation.labels, metrics.logits_of(val_scores))
    mended = 1 / (1 + np.exp(-metrics.logits_of(test_scores) / T))
    fig, axes = plt.subplots(1, 2, figsize=(8.5, 4), sharey=True)
    for ax, name, p in zip(axes, ("as trained", f"temperature {T:.2f}"), (test_scores, mended)):
        plots.reliability(test.labels, p, ax=ax)
        ax.set_title(f"{name}: error {calibration_error(test.labels, p):.3f}, AUROC {metrics.auroc(test.labels, p):.3f}", fontsize=9)
    fig.tight_layout()
    return fig

plots.yours_or_expected(before_and_after, lambda: checks.calibration_error(calibration_error), "before_and_after",
    alt="Two reliability diagrams of the test films, before and after the temperature. Dots show the share of ill films "
        "against the mean probability in ten bins, their area the number of films; the dotted diagonal is honesty. The AUROC "
        "in both titles is the same.")

# %% [markdown]
# **Why is it off at all?** Look at the sets: the share of ill films, the **prevalence**, differs between validation and
# test (section 1 tells how much), and class weights told the network that both classes are equally common. A probability is
# about a *population*. Whoever moves a network to another hospital moves it to another population.
#
# ## 5. Baselines
#
# A network with hundreds of thousands of parameters should beat things that a person can compute by hand. If it does
# not, there is nothing to explain. (The logistic regression here learns from the 400 validation films; on the card of
# the checkpoint it learned from the same films as the network.)

# %% tags=["demo"]
print(f"{'':22}  {'AUROC on test':20}   network minus baseline, same patients")
rows = [("the network", *metrics.bootstrap_interval(test.labels, test_scores, test.patients))]
for name, score in baselines.all_baselines(validation, test).items():
    own = metrics.bootstrap_interval(test.labels, score, test.patients)
    ahead = metrics.paired_bootstrap(test.labels, test_scores, score, test.patients)
    rows.append((name.replace("_", " "), *own))
    print(f"{name:22}  {own}   {ahead}")
plots.show(plots.intervals(rows, "AUROC on the test films, 95 % intervals over patients").figure,
           alt="AUROC with intervals for the network and its baselines: the ratio measured on the film, logistic regression on 16 x 16 "
               "pixels and the mean grey value. The network comes first, the mean grey value is close to a coin at 0.5.")

# %% [markdown]
# `apparent ctr` is the cardiothoracic ratio measured on the film by a tireless radiographer, one number. Where it fails
# you know from 01a: shallow breaths and AP films. (Real films come without this measurement; then the row is missing.)
#
# ## 6. For whom does it work?
#
# One number for all patients can hide a group for which the network is poor. Counts belong beside every number: with
# eight positive films an interval is as wide as the scale.

# %% tags=["demo"]
attributes = test.attributes
groups = {"view": attributes["view"], "sex": attributes["sex"],
          "age": np.where(attributes["age"] < 60, "under 60", "60 or older")}
tables = [metrics.subgroup_table(test.labels, test_scores, test.patients, group).assign(group=name) for name, group in groups.items()]
strata = pd.concat(tables).reset_index(names="which").set_index(["group", "which"]).rename(columns={"value": "AUROC"})
strata.round(3)

# %% tags=["demo"]
called = test_scores >= checkpoint.threshold
for name in ("PA", "AP"):
    some = (attributes["view"] == name).to_numpy()
    ill, well = some & (test.labels == 1), some & (test.labels == 0)
    print(f"{name}: of {ill.sum():3} ill films {called[ill].sum():3} called, of {well.sum():3} healthy ones {called[well].sum():3} called")
if "ctr_seen" in attributes:
    mimics = (test.labels == 0) & (attributes["ctr_seen"] > 0.5).to_numpy()
    print(f"healthy hearts that look too wide on the film: {mimics.sum()}; called ill by the network: {called[mimics].sum()}")

# %% [markdown]
# The last line counts the films of 01a that only *look* ill. The ratio on the film gets every one of them wrong. The
# network does better where it has learned to read the view as well, and that is worth explaining: *where* does it look
# when it decides that a film is AP? Later labs answer this.
#
# ## 7. What if the labels are wrong?
#
# Labels of the big public sets were mined from the text of reports. When four physicians looked at films of public sets
# again, the labels were right in 65 to 80 % (Jang et al., JMIR Medical Informatics 2020). What does that do to *your*
# number? We know the truth, so we can spoil it:

# %% tags=["demo"]
rng = np.random.default_rng(0)
print("share of wrong labels   AUROC that you would report (mean of 200 draws)")
for share in (0.0, 0.05, 0.1, 0.2, 0.3):
    areas = [metrics.auroc(np.where(rng.uniform(size=len(test)) < share, 1 - test.labels, test.labels), test_scores)
             for _ in range(200)]
    print(f"{share:21.0%}   {np.mean(areas):.3f}")

# %% [markdown]
# The network did not change. A network cannot be shown to be better than the labels it is judged by, and two networks
# judged by different labels cannot be compared.
#
# ## 8. Phantoms flatter
#
# How good are networks on *real* films of this finding? The TorchXRayVision project publishes AUROCs of 0.88 and 0.90
# for cardiomegaly on held-out NIH films (its BENCHMARKS.md of July 2023). Whatever your number is above: the films were
# drawn by a program that knows one disease, one machine and no typing errors. The number judges the *method*, not a
# product.

# %% tags=["demo"]
folder = pathlib.Path("my_network.keras")
if folder.exists():
    mine = tf.keras.models.load_model(folder)
    my_scores = prediction.predict_films(mine, test.images)[:, 1]
    print("your network:  ", metrics.bootstrap_interval(test.labels, my_scores, test.patients))
    print("the checkpoint:", metrics.bootstrap_interval(test.labels, test_scores, test.patients))
    print("difference:    ", metrics.paired_bootstrap(test.labels, my_scores, test_scores, test.patients))
else:
    print("Train a network of your own in 01a, section 7, and come back: it will be judged here.")

# %% [markdown]
# ## What these numbers do not tell you
#
# - **Why** the network calls a film ill. A network that reads a hospital's marker can have all of them right. That is what the
#   rest of the course is about.
# - **How it does elsewhere.** Another hospital has other machines, other patients, another share of ill ones.
#
# ## Recap
#
# - Accuracy is about a set, AUROC about a ranking, sensitivity and specificity about a decision. Training scores are
#   about memory.
# - Thresholds and temperatures are chosen on validation; test films are for reporting.
# - Intervals go over patients. Differences are paired.
# - A probability is about a population: check it where you use it.
# - Beside every network stands a baseline of one number, and beside every average its subgroups, with counts.

# %% [markdown] nbgrader={"grade": true, "grade_id": "report", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `report`  (4 points, marked by a person, 15 minutes)
#
# A head of department asks: "Can we use it in the emergency room, where most films are AP and one patient in twenty has
# an enlarged heart?" Answer in about ten sentences, with numbers from *your* notebook: what was measured and on whom;
# how sure you are; what the operating point would mean for a hundred patients there; what you would measure before
# saying yes.
#
# ### BEGIN SOLUTION
# *Model answer.* We measured a network on 300 test films of patients that it had never seen, 100 of them with an
# enlarged heart; they are phantoms (or: NIH films of one hospital). Its AUROC is a.aa with a 95 % interval over patients
# from b.bb to c.cc, on AP films alone d.dd with a wider interval, because only n of those are ill. The threshold was
# chosen on other films to find 90 %; on test it found e % and cleared f %. Of a hundred emergency patients five are ill:
# about four or five would be found, and about (1 - f) x 95 healthy ones called, so most calls would be false. The
# probabilities were fitted to another population and cannot be read as probabilities there. Before saying yes: films of
# *this* emergency room, labelled by radiologists instead of mined, in a number that makes the interval of the AP films
# narrow; threshold and temperature chosen anew on a part of them; a comparison with what the department does now and
# with the measured ratio alone; a look at what the network looks at.
#
# *Rubric.* 1 point: numbers with intervals and with who was tested. 1 point: AP films and the new prevalence are taken
# into account (false calls counted for a hundred patients). 1 point: says what the data cannot show (phantoms or one
# hospital, labels, calibration). 1 point: a concrete next measurement on local films, with choices made on separate
# films.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - M. P. Naeini et al.: Obtaining well calibrated probabilities using Bayesian binning. AAAI 2015.
# - C. Guo et al.: On calibration of modern neural networks. ICML 2017.
# - B. Efron, R. Tibshirani: An introduction to the bootstrap. Chapman & Hall, 1993.
# - R. Jang et al.: Assessment of the robustness of convolutional neural networks in labeling noise by using chest X-ray images
#   from multiple centers. JMIR Medical Informatics 8(8), 2020, e18089.
#
# **Next:** lab 02 opens the network and asks it, in thirteen ways, what it looked at.
