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
# # 04a Pneumothorax: build and train a CNN
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 80 minutes | 2 GB | 220 MB, drawn on your machine in two minutes | text and figures CC BY 4.0, code Apache 2.0 |
#
# Lab 01 gave you a training function and asked you to judge what came out. This time you see the inside of the training:
# where a batch comes from, what the network computes, what the cost is, what the log holds. The lesson that this lab grew
# from had all these parts, and several of them were wrong in ways that nobody saw. 04b judges the result.
#
# **When you are done you can**
#
# - say what a pneumothorax is on a film, and name two things that only look like it;
# - deal films into batches so that an epoch is an epoch;
# - build a stage with a skip sum, and say what leaves it;
# - write a cost that neither overflows nor depends on the size of the batch;
# - turn a stack of films into probabilities without waiting for it;
# - write scalars, images and distributions for TensorBoard, and read them back.
#
# You need lab 01. Nothing about TensorBoard is assumed.

# %% tags=["setup"]
from medxai import plots  # first, so that TensorFlow starts quietly
from medxai.evaluate import metrics
from medxai.networks import models, prediction, tensorboard_runs, training
from medxai.checks import pneumothorax as checks

import atexit
import inspect
import os
import pathlib
import tempfile
import time
from unittest import mock

import h5py
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Code

import data_fetch

profile = data_fetch.profile()

# %% [markdown]
# ## 1. Air where no air belongs
#
# A lung is kept open by suction: between it and the wall of the chest there is next to nothing. If air gets in there, from
# a wound, a needle or a burst bubble, the lung shrinks away from the wall. That air is a **pneumothorax**. On a film it has
# two signs, and one needs both: a hair-thin white line, the edge of the lung (the *visceral pleura*), and **no markings
# beyond it**, because vessels run in the lung and not in the air.
#
# A small one heals by itself; a large one is treated with a **drain**, a tube through the wall of the chest. Under pressure
# it kills within minutes. So a hospital would like every film to be looked at by something that never sleeps.
#
# Two things disturb. A **skin fold**, pressed between the patient and the detector, ends in an edge that looks like the line;
# but vessels run on beyond it. And a drain tells a reader (or a network) that *somebody else* has already found the air.

# %% tags=["demo"]
phantoms = data_fetch.fetch_pneumothorax(source="phantom", split="validation", size=256)
facts, ill = phantoms.attributes, phantoms.labels == 1

def typical(which):
    """Of the films that are wanted, the one whose air is nearest to a quarter of its side (or the first)."""
    return int(np.abs(np.where(which, facts.severity, 9) - 0.25).argmin())

four = {"air": typical(ill & ~facts.drain & ~facts.fold), "air and a drain": typical(ill & facts.drain),
        "no air: a skin fold": typical(~ill & facts.fold & ~facts.drain), "no air: a drain": typical(~ill & facts.drain)}
COLOURS = {"pneumothorax": plots.ORANGE, "drain": plots.GREEN, "fold": plots.PURPLE}

def outlined(i, ax, title):
    plots.film(phantoms.images[i], title, ax)
    for name, colour in COLOURS.items():
        if phantoms.masks[name][i].any():
            ax.contour(phantoms.masks[name][i], levels=[0.5], colors=[colour], linewidths=1.0)

fig, axes = plt.subplots(2, 4, figsize=(12, 6.2))
for (name, i), (above, below) in zip(four.items(), axes.T):
    plots.film(phantoms.images[i], name, above)
    outlined(i, below, "what is known")
fig.supxlabel("outlined: air in orange, drain in green, skin fold in purple", fontsize=9)
plots.show(fig, alt="Four chest films, below each the same film with outlines. First a lung that has drawn away from the wall, "
           "with the air outlined in orange; second the same with a tube, outlined in green; third a normal lung with a skin "
           "fold outlined in purple, whose edge looks like a pleural line; fourth a normal lung with a drain.")

# %% [markdown]
# Go closer. **Before you read the titles:** on which of these two does the lung end at the edge?

# %% tags=["demo"]
def closeup(mask, image, margin=10):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(rows[0] - margin, 0), max(columns[0] - margin, 0)
    return image[top : top + 96, left : left + 96]

air, fold = four["air"], four["no air: a skin fold"]
close = [closeup(phantoms.masks["pneumothorax"][air], phantoms.images[air]), closeup(phantoms.masks["fold"][fold], phantoms.images[fold])]
fig = plots.film_grid(close, ["air: nothing runs on beyond the line", "fold: vessels run on beyond the edge"], columns=2, size=3.8)
plots.show(fig, alt="Two close-ups. Left a thin bright line with an even, dark, empty area outside it: air. Right an edge where "
           "brightness changes, with vessels visible on both sides of it: a fold of skin.")

# %% [markdown]
# These are phantoms, as in lab 01: drawn, with exact masks. Real films differ in one thing that matters later: nobody has
# written down on which of them there is a drain.
#
# ### The data set, from three places
#
# One function reads all of them. The original lesson came with two HDF5 files, made from NIH films, with the data sets
# `image` and `label`; with `source="mit"` they are fetched, checked and turned into the same `ImageSet` as everything else.
# To show it without a download, here is a file of the same layout, made of phantoms, laid where a mirror would have it:

# %% tags=["demo"]
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "files").mkdir()
with h5py.File(folder / "files" / "pneumothorax_train.h5", "w") as file:
    file["image"] = phantoms.images[:32, :, :, None]      # (N, 256, 256, 1), greys from 0 to 255
    file["label"] = np.eye(2)[phantoms.labels[:32]]       # (N, 2), one-hot: index 1 is pneumothorax
with mock.patch.dict(os.environ, DATA_FETCH_MIRROR=str(folder), DATA_FETCH_DIR=str(folder / "cache")):
    mit = data_fetch.fetch_pneumothorax(source="mit", split="train", size=128, progress=False)
print(mit)
print("warning on its card:", mit.card["warning"])

# %% [markdown]
# Read the warning. A file without patients cannot be split by patient: what you learned in lab 01 cannot be done with it.
# We use a set that has them, with a training, a **validation** and a test part. (The original lesson had only training and
# test, and watched the test films while it trained. Whoever then picks the best step has picked it *for the test films*.)

# %% tags=["demo"]
films = data_fetch.fetch_pneumothorax(split="train")
validation = data_fetch.fetch_pneumothorax(split="validation")
for name, part in (("to learn from", films), ("to choose by  ", validation)):
    print(name, part)
print("source:", films.card["source"])
rng = np.random.default_rng(4)
some = np.concatenate([rng.choice(np.flatnonzero(films.labels == c), min(5, np.sum(films.labels == c)), replace=False) for c in (0, 1)])
titles = [f"{films.classes[films.labels[i]]}, {films.attributes['view'][i]}" for i in some]
plots.show(plots.film_grid(films.images[some], titles, columns=5, size=2.1),
           alt="Ten chest films at the size that the network reads, the first half without, the second half with a "
               "pneumothorax. They differ in size, brightness, grain and view far more than they differ by class.")

# %% [markdown]
# **Noisy and varied** is how radiology looks: brightness, sharpness, depth of breath and view change from film to film, and
# the finding may be a sliver of a few pixels. At the size the network reads you can hardly see the line. Keep that in mind
# when you see its score.
#
# ### One film, by its number
#
# Change `index`, run the cell, look at the left picture only, and say aloud what it shows: air or not, which side, and how
# much. Then read. Do it for ten films and count how often you were right: that is a reader to compare the network with.

# %% tags=["demo"]
index = 13      # change me
what = facts.iloc[index]
print(f"film {index}, {phantoms.names[index]}: {phantoms.classes[phantoms.labels[index]]}, view {what['view']}, "
      f"drain: {'yes' if what.drain else 'no'}, skin fold: {'yes' if what.fold else 'no'}")
if ill[index]:
    side = {"R": "right", "L": "left"}[what.side]
    print(f"air on the patient's {side} side, {what.severity:.0%} of that side of the chest")
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4.3))
plots.film(phantoms.images[index], f"film {index}: what do you see?", axes[0])
outlined(index, axes[1], "what is known")
plots.show(fig, alt="One chest film twice: left as a reader gets it, right with everything that is known about it outlined, air in "
           "orange, a drain in green, a skin fold in purple. A film without any of these has no outline.")

# %% [markdown]
# ## 2. Batches
#
# A network learns from a few films at a time. "Take 15 at random" sounds right and is not quite: some films come twice,
# others not at all.
#
# **Before you go on.** There are N films and you draw N times, each time any of them. What share of the films do you
# never see? Guess; the picture below has the answer.
#
# The cure is as old as card games: shuffle the pack, deal it *out*, shuffle again. One pack is an **epoch**. If 15 does not
# divide the number of films, the last batch of an epoch is smaller, and that is fine.
#
# ### Exercise: `batch_order`  (medium, 15 minutes)
#
# Write down which films each step gets.
#
# <details><summary>Hint 1: the idea</summary>
# You need a pack, and you need to know when it is empty. Take the first `batch_size` of it, keep the rest. Only when
# nothing is left, shuffle a new one. What must never happen is that a batch takes some films of the old pack and some of
# the new.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `rng = np.random.default_rng(seed)` once, before the loop; `rng.permutation(count)` gives a pack. Slicing past the end of an
# array is no error in NumPy, it just gives what is there. The list has `steps` entries.</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no
# points and costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "batch_order", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_order(count, batch_size, steps, seed):
    """Which films each training step gets.

    Parameters
    ----------
    count : int
        How many films there are; they have the numbers 0 to count - 1.
    batch_size : int
        Films in a batch; the last batch of an epoch holds what is left. May be larger than `count`.
    steps : int
        How many batches are wanted. They may fill less than an epoch, or many.
    seed : int
        The same seed gives the same batches, another seed other ones.

    Returns
    -------
    list of `steps` int arrays
        Film numbers. In an epoch every film comes exactly once; each epoch has an order of its own.

    Example
    -------
    Five films in batches of two need three steps an epoch, the third with one film. (Yours may have another order.)

    >>> batch_order(5, 2, 4, seed=0)
    [array([4, 2]), array([3, 1]), array([0]), array([1, 4])]
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    order, pack = [], np.array([], dtype=int)
    for _ in range(steps):
        if not len(pack):
            pack = rng.permutation(count)
        order.append(pack[:batch_size])
        pack = pack[batch_size:]
    return order
    ### END SOLUTION

# %% tags=["check"]
checks.batch_order(batch_order)

# %% nbgrader={"grade": true, "grade_id": "batch_order-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# In each epoch every film comes exactly once (2 points).

# %% nbgrader={"grade": true, "grade_id": "batch_order-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Each epoch has an order of its own, and the seed decides it (1 point).

# %% nbgrader={"grade": true, "grade_id": "batch_order-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The number of batches and their sizes are right, the last one of an epoch included (1 point).

# %% tags=["demo"]
def how_often():
    count, epochs = 1000, 3
    steps = epochs * -(-count // 15)
    dealt = np.bincount(np.concatenate(batch_order(count, 15, steps, 0)), minlength=count)
    rng = np.random.default_rng(0)
    drawn = np.bincount(rng.integers(0, count, epochs * count), minlength=count)
    fig, ax = plt.subplots(figsize=(6.4, 3))
    bins = np.arange(-0.5, 11.5)
    ax.hist(drawn, bins, color=plots.VERMILION, alpha=0.6, label=f"drawn any time: {np.mean(drawn == 0):.0%} never seen")
    ax.hist(dealt, bins, color=plots.BLUE, alpha=0.6, label="dealt out (yours)")
    ax.set(xlabel=f"how often a film was seen in {epochs} epochs", ylabel="films of 1,000")
    ax.legend()
    return fig

plots.yours_or_expected(how_often, lambda: checks.batch_order(batch_order), "how_often",
    alt="Two histograms of how often each of 1,000 films was seen in three epochs. Dealt out, every film was seen exactly three "
        "times: one tall bar. Drawn at random, the counts spread from zero to about ten.")

# %% [markdown]
# **What you should see.** One bar against a hill. After *one* epoch of drawing, the share never seen is about 1/e, 37 %.
# For training this only wastes films. For *testing* it is a mistake: the original lesson drew its test batches at random
# too, so some test films counted twice and others not at all, and the result changed from run to run.
#
# Here is the data set class that the training below uses. It cycles for ever on the training side, and gives each
# validation film once. (`training.FilmBatches` is lab 01's; it reads a batch from the disk when it is asked for.)

# %% tags=["demo"]
class Data:
    """Training batches without end, and each validation film once: (network input (B, H, W, 3), labels (B,))."""
    def __init__(self, train, validation, batch_size, seed=0):
        self.validation, self.batch_size = validation, batch_size
        self.pack, self.at = training.FilmBatches(train, batch_size, shuffle=True, seed=seed), 0

    def train_batch(self):
        if self.at == len(self.pack):       # the pack is empty
            self.pack.on_epoch_end()        # shuffles
            self.at = 0
        x, one_hot = self.pack[self.at]
        self.at += 1
        return x, one_hot.argmax(axis=1)

    def validation_batches(self):
        batches = training.FilmBatches(self.validation, self.batch_size)
        for number in range(len(batches)):
            x, one_hot = batches[number]
            yield x, one_hot.argmax(axis=1)

data = Data(films, validation, batch_size=15)
x, y = data.train_batch()
print("a batch:", x.shape, x.dtype, f"from {x.min():.1f} to {x.max():.1f}, labels", y)
print("validation films in all batches:", sum(len(labels) for _, labels in data.validation_batches()), "of", len(validation))

# %% [markdown]
# ## 3. The network
#
# Eight convolutions in four **stages**. In each stage a picture with more channels is made, looked at again by a second
# convolution, and the two are *added*. The sum lets the gradient reach the first convolution without passing the second: a
# short cut, or skip. Then a pooling halves the picture. After four stages each channel is averaged over the whole film
# (**global average pooling**), and one dense layer weighs the averages.
#
# ```
# film -> [ conv ----> conv ]  -> pool  -> three more stages -> average over places -> dense 2
#             \--- + ---/
# ```
#
# Mind what is added: the outputs of the *two convolutions*, not the input of the stage as in a ResNet (He et al. 2015,
# arXiv 1512.03385). The input has another number of channels, so it could not be added at all.
#
# ### Exercise: `skip_stage`  (medium, 12 minutes)
#
# Build one stage as a network of its own:
#
# 1. a 3 x 3 convolution, same padding, ReLU, called `conv1`;
# 2. the same again on top of it, called `conv2`;
# 3. the sum of both outputs, a layer called `sum`;
# 4. a 2 x 2 pooling called `pool`: of the maxima, or, in the last stage, of the means.
#
# <details><summary>Hint 1: the idea</summary>
# Keep the output of the first convolution in a variable of its own: you need it twice.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `tf.keras.layers.Add(name=...)` is called on a list of two tensors. Same padding keeps height and width, so the two fit.
# `MaxPooling2D` and `AveragePooling2D` halve both sides as they come.</details>
#
# No progress after 15 minutes? Run the check, read the message, go on.

# %% nbgrader={"grade": false, "grade_id": "skip_stage", "locked": false, "schema_version": 3, "solution": true, "task": false}
def skip_stage(shape, channels, last=False):
    """One stage of the network: two convolutions, their sum, a pooling.

    Parameters
    ----------
    shape : tuple of int, (H, W, K)
        What comes in for one film; H and W are even.
    channels : int
        Of both convolutions.
    last : bool
        False pools by maxima, True by means.

    Returns
    -------
    tf.keras.Model
        From (N, H, W, K) to (N, H / 2, W / 2, channels). Layers have the names of the list above; the weights are fresh.
    """
    ### BEGIN SOLUTION
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv2")(first)
    total = layers.Add(name="sum")([first, second])
    pooling = layers.AveragePooling2D if last else layers.MaxPooling2D
    return tf.keras.Model(inputs, pooling(name="pool")(total))
    ### END SOLUTION

# %% tags=["check"]
checks.skip_stage(skip_stage)

# %% nbgrader={"grade": true, "grade_id": "skip_stage-1", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Names, shapes and the number of parameters follow what is asked for (1 point).

# %% nbgrader={"grade": true, "grade_id": "skip_stage-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# With given weights the stage computes the pooled sum of both convolutions (2 points).

# %% [markdown]
# Four of these in a row, an average and a dense layer: that is the function that built the course's checkpoint.

# %% tags=["demo"]
source = inspect.getsource(models.skip_sum_stages)
Code(source[: source.index('"""')] + source[source.rindex('"""') + 3 :], language="python")

# %% tags=["demo", "keep_output", "nbval-check-output"]
for size, divisor in ((256, 1), (128, 8)):
    network = models.skip_sum_stages(size=size, width_divisor=divisor)
    print(f"{size} x {size}, width / {divisor}: {network.count_params():,} parameters")
    for layer in network.layers:
        if layer.name.endswith("_pool") or layer.name in ("gap", "predictions"):
            print(f"   {layer.name:12}", " x ".join(str(n) for n in layer.output_shape[1:]))

# %% [markdown]
# At full size the last stage leaves 16 x 16 places with 512 channels, and only *after* that are places lost. Lab 05 lives on
# this: it goes back to those places and asks which of them spoke.
#
# ## 4. The cost
#
# The network ends in two numbers for each film, the **logits** $z_0$ and $z_1$. The softmax makes probabilities of them,
# and the cost is the mean, over the batch, of minus the logarithm of the probability that the *true* class got:
#
# $$ p_c = \frac{e^{z_c}}{\sum_k e^{z_k}} \qquad\qquad \text{cost} = \frac{1}{N}\sum_i -\log p_{i,\,y_i} $$
#
# Two things go wrong in practice. The original lesson forgot the mean: its cost was a *list* with a number for each film.
# Frameworks sum such a list when they differentiate it, so the same learning rate takes steps 15 times as large, and the
# last, smaller batch of an epoch counts less. Nothing complains. And $e^{z}$ overflows: for a logit of 1,000 it is
# infinite, infinity over infinity is not a number, and one such film makes every weight not a number.
#
# **Before you go on.** Add 7 to all logits of a film. What happens to its probabilities? How does that help you?
#
# ### Exercise: `mean_cross_entropy`  (medium, 15 minutes)
#
# Write it in NumPy, for logits of any size. (TensorFlow and SciPy have functions for it; please do not call them here.)
#
# <details><summary>Hint 1: the idea</summary>
# The logarithm of a fraction is a difference: -log p of the true class is log(sum of e^z) minus the true class's logit. The
# logarithm of the sum is what overflows. Which number can you take off all logits of a film, so that the largest becomes
# 0?</details>
#
# <details><summary>Hint 2: the shape</summary>
# The largest logit of each film: `max` over axis 1 with `keepdims=True`, shape (N, 1). The logit of the true class of each
# film: `logits[np.arange(N), labels]`, shape (N,). One mean at the end makes one number of (N,).</details>
#
# No progress after 15 minutes? The check tells overflow, a missing mean and a mean over too much apart.

# %% nbgrader={"grade": false, "grade_id": "mean_cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_cross_entropy(logits, labels):
    """Cross-entropy of a batch, as one number.

    Parameters
    ----------
    logits : float array, (N, C)
        What the network gives before the softmax; of any size, also 1e4 or -1e4. Not changed.
    labels : int array, (N,)
        The true class of each film, 0 <= label < C.

    Returns
    -------
    float
        The mean over the films of -log(softmax probability of the true class), natural logarithm.

    Example
    -------
    Two equal logits are a coin, which costs log 2 whatever the truth:

    >>> mean_cross_entropy(np.array([[3.0, 3.0], [0.0, 0.0]]), np.array([0, 1]))
    0.6931471805599453
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - shifted[np.arange(len(labels)), labels]))
    ### END SOLUTION

# %% tags=["check"]
checks.mean_cross_entropy(mean_cross_entropy)

# %% nbgrader={"grade": true, "grade_id": "mean_cross_entropy-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# One number: the mean over the films of the cost of the true class (2 points).

# %% nbgrader={"grade": true, "grade_id": "mean_cross_entropy-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Large logits do no harm: the cost stays finite and right (2 points).

# %% tags=["demo"]
def overflow():
    margins = np.linspace(-1200, 1200, 481)
    mine = [mean_cross_entropy(np.array([[0.0, m]]), np.array([1])) for m in margins]
    with np.errstate(all="ignore"):
        naive = [-np.log(np.exp(m) / (1 + np.exp(m))) for m in margins]
    fig, ax = plt.subplots(figsize=(6.4, 3))
    ax.plot(margins, mine, color=plots.BLUE, lw=4, alpha=0.5, label="yours")
    ax.plot(margins, naive, color=plots.VERMILION, lw=1.4, label="as the formula is written (gaps: not a number, infinite)")
    ax.set(xlabel="logit of the true class minus logit of the other", ylabel="cost of one film")
    ax.legend(fontsize=8)
    return fig

plots.yours_or_expected(overflow, lambda: checks.mean_cross_entropy(mean_cross_entropy), "overflow",
    alt="Cost of one film against its margin. The stable cost is a straight line falling from 1,200 to 0 at margin 0, then flat. "
        "The formula as written exists only between about -745 and 709 and is missing elsewhere.")
three, truth = np.array([[2.0, -1.0], [0.3, 0.9], [-600.0, 600.0]]), np.array([0, 1, 0])
one_by_one = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=three)
print("TensorFlow, a number for each of three films:", one_by_one.numpy().round(4), " <- the original lesson stopped here")
print("TensorFlow, reduced over the batch:", round(float(tf.reduce_mean(one_by_one)), 4))

# %% [markdown]
# **What you should see.** To the left, a straight line: a film that is wrong by a margin of m costs m. The thin line ends
# where `exp` leaves the range of a float: those are the films from which a network would have to learn most.
#
# Below it, TensorFlow's own version, which has a gradient: the training loop uses it. `mean_cross_entropy(three, truth)` must
# give the last number; try it.
#
# ## 5. From films to probabilities
#
# To know how good a network is, it has to read many films. The original lesson sent them through one by one, 1.2 films a
# second. All at once is no way out either: 300 films at full size are gigabytes of activations. So: batches again, in
# order, and the last one smaller.
#
# Which number comes out matters as much. The original lesson reported column 0, the probability of *no* pneumothorax. And
# whoever takes the winning class instead of the probability has a score with two values: a ranking of 300 films with two
# places.
#
# ### Exercise: `score_films`  (easy, 10 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Slices of the stack, one call for each, the pieces joined at the end. With two classes the softmax of class 1 depends only
# on the difference of the two logits.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `range(0, len(films), batch_size)` gives the starts. `np.concatenate` joins pieces of different length, `np.mean` of pieces
# would not. Logits are (B, 2); of them you return (B,).</details>

# %% nbgrader={"grade": false, "grade_id": "score_films", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score_films(network, films, batch_size):
    """The probability of pneumothorax for each film.

    Parameters
    ----------
    network : function
        Takes films (B, H, W) and returns logits (B, 2): column 0 no pneumothorax, column 1 pneumothorax.
    films : array, (N, H, W)
    batch_size : int
        No call gets more films than this, and there are no more calls than needed.

    Returns
    -------
    float array, (N,)
        Softmax probability of class 1, in the order of the films.

    Example
    -------
    A network that answers every film with logits 0 and 1.0986, the logarithm of 3:

    >>> score_films(lambda films: np.array([[0.0, np.log(3)]] * len(films)), np.zeros((3, 2, 2)), 2)
    array([0.75, 0.75, 0.75])
    """
    ### BEGIN SOLUTION
    parts = []
    for start in range(0, len(films), batch_size):
        logits = np.asarray(network(films[start : start + batch_size]), dtype=float)
        parts.append(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])))
    return np.concatenate(parts)
    ### END SOLUTION

# %% tags=["check"]
checks.score_films(score_films)

# %% nbgrader={"grade": true, "grade_id": "score_films-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Every film gets the probability of class 1, in order, the last batch included (2 points).

# %% nbgrader={"grade": true, "grade_id": "score_films-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# No call is larger than a batch, and none is needless (1 point).

# %% tags=["demo"]
network = models.skip_sum_stages(films.images.shape[1], profile.width_divisor, activation="linear")
some = validation.images[:32]
def seconds(batch_size):
    prediction.predict_films(network, some[:batch_size], batch_size)      # the first call builds a graph: not counted
    start = time.perf_counter()
    prediction.predict_films(network, some, batch_size)
    return time.perf_counter() - start

sizes = [1, 2, 4, 8, 16, 32]
rates = [len(some) / seconds(size) for size in sizes]
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(sizes, rates, "o-", color=plots.BLUE)
ax.set(xscale="log", xlabel="films in a batch", ylabel="films a second", ylim=(0, None), xticks=sizes, xticklabels=sizes)
plots.show(fig, alt="Films scored a second against the number of films in a batch, from 1 to 32. One film at a time is slowest, and "
           "larger batches are several times as fast.")

# %% [markdown]
# Where the curve levels off, the processor is busy all the time. On a GPU it rises much further, until memory is full.
#
# ## 6. Train, and watch
#
# ### What the original cell did
#
# The original lesson's loop ran a million steps, tested every 10 and saved every 100. It could not run at all: it used a
# name, `init`, that no cell had defined, so it stopped with a `NameError` before the first step. Nobody noticed, because a
# trained checkpoint came with the lab and everyone loaded that. **A cell that nobody runs is not code.** All cells of this
# course are run before they reach you.
#
# And it tested every 10 steps *on the test films*. Ours watches validation films, and keeps the weights of the best moment.
# The test films are not even loaded in this notebook.
#
# ### What goes into the log
#
# TensorBoard draws what a training writes: **scalars** (cost, accuracy, AUROC), **images** (what the network was really
# fed) and **distributions** (how weights and logits spread). Each answers a question: does it learn? is the input what
# I think it is? does anything explode, or die?

# %% tags=["demo"]
def watch(network, data, step):
    """Judge on validation films; write scalars and distributions. Returns the AUROC."""
    logits, labels = map(np.concatenate, zip(*((network(x, training=False).numpy(), y) for x, y in data.validation_batches())))
    scores = logits[:, 1] - logits[:, 0]
    auroc = metrics.auroc(labels, scores)
    tf.summary.scalar("validation/AUROC", auroc, step)
    tf.summary.scalar("validation/accuracy", np.mean((scores > 0) == labels), step)
    tf.summary.histogram("logit difference, validation", scores, step)
    for layer in (layer for layer in network.layers if hasattr(layer, "kernel")):
        tf.summary.histogram(f"weights/{layer.name}", layer.kernel, step)
    return auroc

# %% [markdown]
# The hyper-parameters are those of the original lesson: 15 films a batch, learning rate 0.05, Nesterov's momentum 0.9. It
# looks like stochastic gradient descent because it is: the gradient of 15 films is a noisy guess of the gradient of all,
# momentum averages the guesses, and Nesterov's variant looks one step ahead. The loop stops after some steps, or when its
# time is up. It looks at the validation films every ten steps, as the original lesson looked at the test films.

# %% tags=["demo"]
def train(network, data, log, steps=10**6, seconds=300, every=10, learning_rate=0.05):
    """Train, keep the weights of the best validation AUROC, write a log. Returns (step, AUROC) of the best."""
    optimizer = tf.keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True)

    @tf.function(reduce_retracing=True)
    def update(x, y):
        with tf.GradientTape() as tape:
            logits = network(x, training=True)
            cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        optimizer.apply_gradients(zip(tape.gradient(cost, network.trainable_weights), network.trainable_weights))
        return cost, tf.reduce_mean(tf.cast(tf.argmax(logits, axis=1) == y, tf.float32))

    best, step, until = (0, -1.0, network.get_weights()), 0, time.monotonic() + seconds
    with tf.summary.create_file_writer(str(log)).as_default():
        while step < steps and (time.monotonic() < until or step % every):      # up to a look at the validation films
            x, y = data.train_batch()
            if step == 0:
                tf.summary.image("what the network is fed", (x[..., :1] + 103.939) / 255, step)
            for name, value in zip(("cost", "accuracy"), update(tf.constant(x), tf.constant(y))):
                tf.summary.scalar(f"training/{name}", value, step)
            step += 1
            if step % every == 0 and (auroc := watch(network, data, step)) > best[1]:
                best = step, auroc, network.get_weights()
    network.set_weights(best[2])
    return best[:2]

# %% [markdown]
# Two short trainings of forty steps. The first gets **fifteen films**, one batch, the same again and again: a loop that cannot
# even memorise one batch has a bug, so this is the first thing to try with any new loop. The second gets all films.
#
# **Before you run it.** Which of the two will have the lower cost at the end? Which the higher AUROC on the validation films?

# %% tags=["demo"]
logs = pathlib.Path(tempfile.mkdtemp(prefix="pneumothorax-"))
fifteen = [np.flatnonzero(films.labels == c)[:n] for c, n in ((0, 8), (1, 7))]
packs = {"fifteen films": films.subset(np.sort(np.concatenate(fifteen))), "all films": films}
for name, pack in packs.items():
    tf.keras.utils.set_random_seed(0)
    network = models.skip_sum_stages(films.images.shape[1], profile.width_divisor, batch_norm=True, activation="linear")
    step, auroc = train(network, Data(pack, validation, batch_size=15), logs / name, steps=40)
    print(f"{name:14} best validation AUROC: {auroc:.3f}, at step {step}")

# %% [markdown]
# ### TensorBoard
#
# In a notebook TensorBoard is an extension with a command of its own. It starts a server on your machine and shows it in a
# frame. In a terminal the same is `tensorboard --logdir FOLDER` (the folder is printed below), and you open the address that
# it prints. On a hub the frame needs a proxy; if yours stays empty, go on: the same is drawn below from the same files.

# %% tags=["demo"]
tensorboard_runs.use_own_tensorboard()                       # the program of this kernel's environment
atexit.register(tensorboard_runs.stop_tensorboard, logs)     # no server outlives this notebook
# %load_ext tensorboard
# %tensorboard --logdir {logs} --port 0
print(f"in a terminal: tensorboard --logdir {logs}\n")
for run, tags in (tensorboard_runs.served(logs) or {"no run": ["no server answers; the same is drawn below"]}).items():
    print(f"TensorBoard shows, of '{run}':", ", ".join(tags))

# %% [markdown]
# Look under *Scalars* at both runs, under *Images* at what the network was fed, under *Distributions* and *Histograms* at
# the weights. The next cell ends the server, which would run on after you close the page.
#
# ### The same, read back
#
# A log is a file like any other. What was written can be read, and a report can draw it:

# %% tags=["demo", "keep_output", "nbval-check-output"]
tensorboard_runs.stop_tensorboard(logs)      # the files stay
log = {name: tensorboard_runs.read_run(logs / name) for name in packs}
for kind in ("scalars", "images", "histograms"):
    print(f"{kind:10}", ", ".join(sorted(getattr(log["all films"], kind))))

# %% tags=["demo"]
fig, axes = plt.subplots(1, 3, figsize=(12, 3.2))
for (name, run), colour in zip(log.items(), (plots.VERMILION, plots.BLUE)):
    for tag, ax in zip(("training/cost", "training/accuracy", "validation/AUROC"), axes):
        values = run.scalars[tag].dropna()
        ax.plot(values.index, values, ".-" if len(values) < 10 else "-", color=colour, label=name, alpha=0.8, lw=1)
        ax.set(title=tag, xlabel="step")
axes[0].set(yscale="log")
axes[2].axhline(0.5, color=plots.GREY, ls=":", lw=1)
axes[0].legend(fontsize=8)
fig.tight_layout()
plots.show(fig, alt="Three panels against the training step, two runs each. The cost of fifteen films falls far lower than that of all "
           "films and their training accuracy reaches one; on the validation films the AUROC of both stays near a coin's 0.5.")

# %% [markdown]
# **What you should see.** Fifteen films are memorised: cost near zero, accuracy 1. On films of *other* patients that
# network is close to a coin. Cost and accuracy of the training films alone would have told you that all is well. The other
# run has not even seen every film once: its cost jumps about the coin's log 2, and its AUROC about 0.5. That is what the
# beginning of a real training looks like; the checkpoint of 04b had the same recipe for many epochs, with a learning rate
# that decays.

# %% tags=["demo"]
fig, axes = plt.subplots(1, 3, figsize=(12, 3.2))
for ax, tag in zip(axes[:2], ("weights/stage4_conv2", "logit difference, validation")):
    steps = log["all films"].histograms[tag]
    for step, bins in (steps[0], steps[-1]):
        density = bins[:, 2] / np.maximum(bins[:, 1] - bins[:, 0], 1e-12) / bins[:, 2].sum()
        ax.plot((bins[:, 0] + bins[:, 1]) / 2, density, label=f"step {step}")
    ax.set(title=tag, ylabel="density")
    ax.legend(fontsize=8)
step, pictures = log["all films"].images["what the network is fed"][0]
plots.film(pictures[0], f"step {step}: what it is fed", axes[2])
fig.tight_layout()
plots.show(fig, alt="Left the distribution of the weights of the last convolution at the first and the last look, middle that of the "
           "logit difference on validation films, right the first film that was fed to the network, grey, bone white.")

# %% [markdown]
# In the middle, see on which side of 0 the films lie: early in a training, nearly all of them may lie on one side. Then the
# accuracy is that of "everybody" or "nobody", whatever the order of the films is worth. An AUROC does not mind.
#
# The picture on the right is the one that people skip, and the one that finds the most mistakes: films that are black,
# inverted, cut off or preprocessed twice look like that *here*, and like "the network does not learn" everywhere else.
#
# ## 7. A network of your own  (bonus, 20 minutes, no points)
#
# Change anything: stages, channels, skips, learning rate, batch size. Set `MINUTES` to 10 or 15, run the cell, have a
# coffee. Rule: it ends in a global average and one dense layer with two logits, and its layers are plain (02a told why). Then
# 04b judges it, and every map of lab 05 is drawn of it: set `MY_NETWORK = True` there. Here `MINUTES` is 0, and nothing is
# trained.

# %% tags=["demo"]
MINUTES, HYPER = 0, {"batch_size": 15, "learning_rate": 0.05}

def my_network(size, channels=(8, 16, 32, 64)):
    layers = tf.keras.layers
    x = film = layers.Input((size, size, 3), name="film")
    for i, width in enumerate(channels, start=1):
        both = []
        for j in (1, 2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"stage{i}_conv{j}")(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"stage{i}_conv{j}_bn")(x)
            x = layers.Activation("relu", name=f"stage{i}_conv{j}_relu")(x)
            both.append(x)
        pool = layers.MaxPooling2D if i < len(channels) else layers.AveragePooling2D
        x = pool(name=f"stage{i}_pool")(layers.Add(name=f"stage{i}_sum")(both))
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return tf.keras.Model(film, layers.Dense(2, name="predictions")(x))

mine = my_network(films.images.shape[1])
print(f"my_network has {mine.count_params():,} parameters.", "" if MINUTES else "Set MINUTES to train it.")
if MINUTES:
    print("best (step, validation AUROC):", train(mine, Data(films, validation, HYPER["batch_size"]), logs / "my network",
                                                  seconds=60 * MINUTES, every=50, learning_rate=HYPER["learning_rate"]))
    mine.save("my_pneumothorax.keras")      # 04b and lab 05 read it

# %% [markdown]
# ## What this notebook does not tell you
#
# - **Whether the network is good**, for whom, and at which threshold a ward could use it: [04b Judge](04b_judge.ipynb).
# - **Where it looks.** A cost that falls is no reason. Lab 05 asks for the places.
#
# ## Recap
#
# - A pneumothorax is a line with nothing beyond it. A fold has vessels beyond it; a drain says that somebody knew.
# - An epoch deals each film out once. Test films are never drawn at random.
# - A skip sum adds what two convolutions say; places are lost only at the very end.
# - A cost is one number, a mean; computed from logits, it cannot overflow.
# - Score films in batches, and the probability of the *disease*.
# - A log answers: does it learn, what is it fed, does anything explode? Watch validation, never test.
#
# And now a question that no check can mark.

# %% [markdown] nbgrader={"grade": true, "grade_id": "curves", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `curves`  (3 points, marked by a person, 10 minutes)
#
# A colleague shows you a curve of the accuracy on the **test** films, looked at every ten steps for a million steps, and
# reports the highest point: "97 %". In five to eight sentences: what is wrong with that number, and in which direction? Does
# it help that no gradient was ever computed on a test film? Use what you saw in section 6: what do cost and accuracy of the
# training films tell you, and what not? How would you run it, and what would you report?
#
# ### BEGIN SOLUTION
# *Model answer.* The highest of a hundred thousand looks is chosen *because* it is high on these films: part of its height is
# luck, so it promises too much for new patients; the smaller the test set, the more. It does not help that no gradient was
# computed on them: choosing a step is choosing weights, and the test films did the choosing. Training cost and accuracy only
# say that the loop works: fifteen memorised films reached accuracy 1 while the AUROC on other patients stayed near a coin. I
# would split off validation films by patient, choose the step (and everything else) by them, then score the test films once,
# at the chosen step, each film exactly once, and report that number with an interval over patients, and how many looks at
# validation were taken.
#
# *Rubric.* 1 point: too high, because the maximum was selected on the test films (selection, not only "overfitting"). 1 point:
# no gradient is needed for that, and training curves cannot show it (the fifteen films, or an equal example). 1 point: a
# procedure with validation films by patient, one look at the test films, and an interval.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - K. He, X. Zhang, S. Ren, J. Sun: Deep residual learning for image recognition. CVPR 2016, arXiv 1512.03385.
# - S. Ioffe, C. Szegedy: Batch normalization: accelerating deep network training by reducing internal covariate shift. ICML
#   2015, arXiv 1502.03167.
# - I. Sutskever, J. Martens, G. Dahl, G. Hinton: On the importance of initialization and momentum in deep learning. ICML 2013.
#
# **Next:** [04b](04b_judge.ipynb) judges the trained network, and looks at who is behind its ROC curve.
