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
# # 01a Cardiomegaly: train a classifier
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 75 minutes | 2 GB | 80 MB, drawn on your machine in a minute | text and figures CC BY 4.0, code Apache 2.0 |
#
# Before you can look inside a network, there must be a network, and you must know what it was fed. This notebook goes
# the whole way from films to a trained classifier of enlarged hearts. In the next one, 01b, you judge it.
#
# **When you are done you can**
#
# - say what an enlarged heart is on a film, and which honest films look like one;
# - turn grey films into the input of a network trained on photographs, without harming the films;
# - split films so that no patient is on both sides;
# - weigh a rare class, and build the last block of the network by hand;
# - notice four mistakes about which Keras says nothing.
#
# You need to be able to program in Python, and to have seen a convolutional network. Nothing about X-rays is assumed.

# %% tags=["setup"]
from medxai import plots  # first, so that TensorFlow starts quietly
from medxai.evaluate import baselines
from medxai.networks import models, training
from medxai.checks import cardiomegaly as checks

import inspect
import pathlib
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Code

import data_fetch

profile = data_fetch.profile()

# %% [markdown]
# ## 1. What is an enlarged heart?
#
# On a frontal chest film the heart is a shadow between the lungs. Radiographers measure its width and divide it by the
# width of the chest inside the ribs: the **cardiothoracic ratio** (Danzer, 1919). Up to about one half is normal in an
# adult; above it the film is reported as *cardiomegaly*, an enlarged heart.
#
# Our films are **phantoms**: X-ray pictures computed from a drawn chest, through the physics of a real machine. For a
# phantom the truth is known exactly, down to the outline of the heart. With `MEDXAI_PROFILE=gpu` the same notebook
# reads real films from the NIH Clinical Center instead, and these few cells go on using phantoms, because no real film
# comes with the outline of its heart.

# %% tags=["demo"]
phantoms = data_fetch.fetch_cardiomegaly(source="phantom", split="develop", size=256)
ratio, view = phantoms.attributes.ctr, phantoms.attributes.view
examples = [int(np.abs(np.where(view == "PA", ratio, 9) - wanted).argmin()) for wanted in (0.44, 0.56)]
fig, axes = plt.subplots(1, 2, figsize=(8, 4.2))
for ax, i in zip(axes, examples):
    plots.cardiothoracic(phantoms.images[i], phantoms.masks["heart"][i], phantoms.masks["lungs"][i], ax)
plots.show(fig, alt="Two chest films with the widths of heart and thorax drawn as arrows. Left a normal heart: its arrow is "
           "less than half as long as that of the thorax. Right an enlarged heart, whose arrow is longer than half.")

# %% [markdown]
# **Left is right.** You look at the patient from the front, so the patient's left side is on *your* right. The heart
# points to the patient's left: to the right in the picture.
#
# ### Films that only look like it
#
# The ratio on the film is not the ratio in the chest. A heart farther from the detector throws a larger shadow. In the
# usual *PA* view the beam enters through the back and the heart lies close to the detector. A patient in bed is filmed
# *AP*, from the front: the heart is farther away and its shadow grows. And who cannot breathe in deeply has high
# diaphragms, on which the heart lies flat and wide. So:

# %% tags=["demo"]
table = phantoms.attributes
print("same hearts, other shadows (normal hearts only):")
normal = phantoms.labels == 0
for name, some in {
    "PA, deep breath": (view == "PA") & (table.inspiration > 0.7),
    "PA, shallow": (view == "PA") & (table.inspiration <= 0.7),
    "AP": view == "AP",
}.items():
    group = table[normal & some]
    print(f"{name:16} {len(group):4} films   ratio in truth {group.ctr.mean():.2f}, on the film {group.ctr_seen.mean():.2f},"
          f" over 1/2 in {(group.ctr_seen > 0.5).mean():.0%}")

both = [(i, j) for i in np.flatnonzero(normal & (view == "PA")) for j in np.flatnonzero(normal & (view == "AP"))
        if phantoms.patients[i] == phantoms.patients[j]]
pair = list(max(both, key=lambda p: table.ctr_seen[p[1]] - table.ctr_seen[p[0]]))
titles = [f"{view[i]}: {table.ctr_seen[i]:.2f} on the film, {table.ctr[i]:.2f} in truth" for i in pair]
fig = plots.film_grid(phantoms.images[pair], titles, columns=2, size=3.6)
plots.show(fig, alt="Two films of one patient with a normal heart. On the left film, taken PA, the heart looks normal. On the "
           "right one, taken AP, the same heart throws a wider shadow and the shoulder blades lie over the lungs.")

# %% [markdown]
# A network that has learned "wide shadow" will call the second film ill. A good one has to use the view as well. Keep
# this pair in mind: in 01b you will count such films.
#
# ### The data set
#
# In 2017 the NIH published 108,948 frontal films of 32,717 patients, with eight findings mined from the text of the
# reports (Wang et al., CVPR 2017); today's release, *ChestX-ray14*, has 112,120 films and fourteen findings. The lesson
# that this lab grew from took 400 of them: 352 without cardiomegaly, 48 with. Ours has the same proportion.

# %%
films = data_fetch.fetch_cardiomegaly(split="develop")
print(films)
for label, name in enumerate(films.classes):
    print(f"{name:13} {np.sum(films.labels == label):4} films of {len(np.unique(films.patients[films.labels == label])):3} patients")
print("source:", films.card["source"])

# %% tags=["keep_output", "nbval-check-output", "demo"]
print(len(phantoms), phantoms.images.shape, phantoms.images.dtype, np.bincount(phantoms.labels))
print("all films in memory as floats with three channels:",
      round(phantoms.images.size * 3 * 8 / 1e6), "MB; as they are stored:", round(phantoms.images.nbytes / 1e6), "MB")

# %% [markdown]
# The films are `uint8`, one channel, and *memory-mapped*: they stay in a file, and a batch is read when it is needed.
# The original lesson converted all films to `float64` with three channels first, 24 times the size. At 512 x 512 pixels
# that is 2.5 GB before any training has begun. Everything below works batch by batch.
#
# **Look before you compute.** Here are films as a clinic would see them. Cover the titles and guess.

# %% tags=["demo"]
rng = np.random.default_rng(1)
some = np.concatenate([rng.choice(np.flatnonzero(films.labels == label), 4, replace=False) for label in (0, 1)])
titles = [f"{films.classes[films.labels[i]]}, {films.attributes.view[i]}" for i in some]
plots.show(plots.film_grid(films.images[some], titles, columns=4),
           alt="Eight chest films in two rows. The first row shows four normal hearts, the second four enlarged ones. The "
               "difference is a matter of degree; some normal hearts look wide because the film was taken AP.")

# %% [markdown]
# ## 2. From film to network input
#
# Our network begins like VGG16, a network for colour photographs, so that its weights from ImageNet can be a starting
# point. Those weights expect what they were trained on: three channels **in the order blue, green, red**, with the
# mean of ImageNet subtracted from each (103.939, 116.779, 123.68), and *no* division. A grey film simply has the same
# value in all three channels before the subtraction.
#
# **Before you go on.** A film has values from 0 to 255. What is the smallest and the largest number that can leave this
# step? Write it down; the check will show you.
#
# ### Exercise: `preprocess`  (easy, 8 minutes)
#
# Write the step yourself. (Keras has a function for it, and below you will see why one had better know what is in it:
# please do not call it here.)
#
# <details><summary>Hint 1: the idea</summary>
# One grey number becomes three numbers. Each is the grey number minus a mean of its own. Broadcasting does this for a
# whole batch, if the grey numbers get one more axis of length 1 at the end.</details>
#
# <details><summary>Hint 2: the shape</summary>
# (N, H, W) becomes (N, H, W, 1) and, minus an array of shape (3,), (N, H, W, 3). Convert to float32 first: unsigned
# bytes cannot be negative. Which operations make a new array, and which write into the old one?</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no
# points and costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "preprocess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preprocess(films):
    """Grey films as input of a network that starts from ImageNet's VGG16.

    Parameters
    ----------
    films : array, (N, H, W)
        Grey values from 0 to 255, whole numbers or floats. Must be the same after the call as before.

    Returns
    -------
    float32 array, (N, H, W, 3)
        Channels blue, green, red: the grey value minus 103.939, 116.779 and 123.68.

    Example
    -------
    One film of one pixel:

    >>> preprocess(np.array([[[100.0]]]))
    array([[[[ -3.939, -16.779, -23.68 ]]]], dtype=float32)
    """
    ### BEGIN SOLUTION
    grey = np.asarray(films, dtype=np.float32)[..., np.newaxis]
    return grey - np.array([103.939, 116.779, 123.68], dtype=np.float32)
    ### END SOLUTION

# %% tags=["check"]
checks.preprocess(preprocess)

# %% nbgrader={"grade": true, "grade_id": "preprocess-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Each channel is grey minus its own mean, blue first (2 points).

# %% nbgrader={"grade": true, "grade_id": "preprocess-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The films stay as they were, and a film does not depend on its batch (1 point).

# %% tags=["demo"]
def channels():
    values = preprocess(films.images[:8])
    fig, ax = plt.subplots(figsize=(6, 2.6))
    for c, (name, colour) in enumerate(zip(("blue", "green", "red"), (plots.BLUE, plots.GREEN, plots.VERMILION))):
        ax.hist(values[..., c].ravel(), bins=80, histtype="step", color=colour, label=name)
    ax.set(xlabel="value that enters the network", ylabel="pixels", title="eight films, three channels")
    ax.legend()
    return fig

plots.yours_or_expected(channels, lambda: checks.preprocess(preprocess), "channels",
    alt="Histograms of the three channels of eight films. All three have the same shape, moved against each other by the "
        "differences of the means: blue lies farthest to the right, red farthest to the left.")

# %% [markdown]
# **What you should see.** Three times the same histogram, blue farthest to the right, between -123.68 and 151.061. If
# yours lie on top of each other, all channels lost the same mean.
#
# ### Silent trap 1: the cell that was run twice
#
# Keras' own `preprocess_input` works **in place** on arrays. In a notebook people run cells twice:

# %% tags=["demo", "keep_output", "nbval-check-output"]
batch = np.full((1, 4, 4, 3), 100.0, dtype=np.float32)
for run in (1, 2):
    tf.keras.applications.vgg16.preprocess_input(batch)
    print(f"after run {run} the films themselves hold {batch[0, 0, 0].round(1)}")

# %% [markdown]
# Nobody assigned anything to `batch`, and no error was raised. The second run subtracts the means again, and the
# network is fed films a hundred grey values too dark. This is why your function must not touch its input, and why our
# checkpoints check the range of what they are given before they answer.
#
# ## 3. Split by patient
#
# To know how good a network is, hold films back. To use few films well, do it ten times over: each time another tenth of the
# films, a **fold**, is held out. That is *cross-validation*. The lesson that this lab grew from did so, *by film*. But patients
# come back:

# %% tags=["demo"]
per_patient = np.unique(films.patients, return_counts=True)[1]
print("films of a patient: ", {int(k): int(n) for k, n in zip(*np.unique(per_patient, return_counts=True))})
print(f"{np.mean(per_patient > 1):.0%} of the patients have more than one film")

# %% [markdown]
# If one film of a patient is used for training and another one for testing, a network that simply *remembers ribs*
# looks good. How good? Give every patient a **random** label, so that nothing can be learned but who is who, and
# classify each held-out film by the most similar training film.
#
# **Before you go on.** The labels are random. What share should be right with a fair split? And with a split by film?
#
# ### Exercise: `patient_folds`  (medium, 15 minutes)
#
# Return all folds of a cross-validation in which no patient is on both sides and every fold has about the same share of
# positive films. You need not invent the dealing: scikit-learn's `model_selection` has splitters for films, for groups,
# for balanced classes and for combinations of these. Choosing the right one, and returning what is asked for, is the
# exercise.
#
# <details><summary>Hint 1: the idea</summary>
# Three wishes: grouped by patient, stratified by label, shuffled by a seed. The splitter whose name has two of these
# words in it takes the third as an argument.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `split(X, y, groups)` gives one pair of index arrays after another; of X only the length matters. A list of all these
# pairs has `n_folds` entries. A variable that is assigned in a loop has only the last.</details>
#
# No progress after 15 minutes? Run the check, read the message, go on.

# %% nbgrader={"grade": false, "grade_id": "patient_folds", "locked": false, "schema_version": 3, "solution": true, "task": false}
def patient_folds(labels, patients, n_folds, seed):
    """All folds of a cross-validation by patient.

    Parameters
    ----------
    labels : int array, (N,)
        0 or 1 for each film.
    patients : int array, (N,)
        Who is on the film. Numbers of patients come in any order and with gaps.
    n_folds : int
        How many folds.
    seed : int
        The same seed gives the same folds, another seed other ones.

    Returns
    -------
    list of n_folds pairs (train, validation)
        Two int arrays of film numbers (positions in `labels`). Every film is in exactly one validation part.
    """
    ### BEGIN SOLUTION
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return list(splitter.split(labels, labels, groups=patients))
    ### END SOLUTION

# %% tags=["check"]
checks.patient_folds(patient_folds)

# %% nbgrader={"grade": true, "grade_id": "patient_folds-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# No patient is on both sides, and every film is held out exactly once (2 points).

# %% nbgrader={"grade": true, "grade_id": "patient_folds-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The share of positives is alike in all folds, within 3 points (1 point).

# %% nbgrader={"grade": true, "grade_id": "patient_folds-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The seed decides: the same folds again for the same seed, others for another (1 point).

# %% tags=["demo"]
def memory_game():
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier

    chest, number = baselines.chest_patterns(phantoms), np.unique(phantoms.patients, return_inverse=True)[1]
    right = {"by film": [], "by patient (yours)": []}
    for draw in range(10):
        labels = np.random.default_rng(draw).permutation(np.arange(number.max() + 1) % 2)[number]
        for name, folds in (("by film", StratifiedKFold(5, shuffle=True, random_state=draw).split(chest, labels)),
                            ("by patient (yours)", patient_folds(labels, phantoms.patients, 5, draw))):
            right[name].append(np.mean([KNeighborsClassifier(1).fit(chest[a], labels[a]).score(chest[b], labels[b])
                                        for a, b in folds]))
    fig, ax = plt.subplots(figsize=(4.8, 3))
    for x, shares in enumerate(right.values()):
        ax.plot([x] * len(shares), shares, "o", color=plots.BLUE, alpha=0.5)
        ax.text(x + 0.08, np.mean(shares), f"{np.mean(shares):.2f}", va="center")
    ax.axhline(0.5, color=plots.GREY, ls=":")
    ax.set(xticks=[0, 1], xticklabels=right, xlim=(-0.5, 1.5), ylim=(0.4, 0.8), ylabel="random labels guessed right")
    return fig

plots.yours_or_expected(memory_game, lambda: checks.patient_folds(patient_folds), "memory_game",
    alt="Share of random labels guessed right, a dot for each of ten draws of labels. With a split by film all dots lie clearly "
        "above one half, with a split by patient around the dotted line at one half, as they must for labels without meaning.")

# %% [markdown]
# **What you should see.** Clearly more than half right on the left, for labels that mean *nothing*; a coin on the right.
# And this was a nearest neighbour on small pictures. A deep network remembers better. Every published figure from a split
# by film has some of this in it, and nobody can say how much.
#
# A second habit of the original: its loop kept only the last of its ten folds. Use all folds or use one on purpose, and
# say which. From here on we use one: the folds of our films are stored with them (column `fold`), so that everybody
# holds out the same patients.

# %%
validation = data_fetch.fetch_cardiomegaly(split="validation")
train = data_fetch.fetch_cardiomegaly(split="train")
print("to train:   ", train)
print("to validate:", validation)
print("patients on both sides:", len(np.intersect1d(train.patients, validation.patients)))

# %% [markdown]
# ## 4. Weigh the rare class
#
# Seven of eight films are normal. A network that calls *everything* normal is right seven times in eight, and the loss
# rewards it for that. One remedy: let each film of the rare class count more.
#
# ### Exercise: `class_weights`  (easy, 6 minutes)
#
# Find weights so that every class counts the same in total, and a film counts 1 on average (else the weights would
# change the size of the steps as well).
#
# <details><summary>Hint 1: the idea</summary>
# Call the number of films N, of classes K, of films in class c N_c. All classes together shall weigh N, each the same:
# so what is left for one class, and then for one of its films?</details>
#
# <details><summary>Hint 2: the shape</summary>
# `np.unique(..., return_counts=True)` gives the classes and their counts. The result is a dict with the classes as keys,
# two or more of them.</details>

# %% nbgrader={"grade": false, "grade_id": "class_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def class_weights(labels):
    """Balanced weights, as `model.fit(class_weight=...)` wants them.

    Parameters
    ----------
    labels : int array, (N,)
        A class number for each film; K different ones occur.

    Returns
    -------
    dict, int -> float
        For each class its weight: number of films times weight is the same for all classes, and the mean weight of a
        film is 1.

    Example
    -------
    >>> class_weights(np.array([0, 0, 0, 1]))
    {0: 0.6666666666666666, 1: 2.0}
    """
    ### BEGIN SOLUTION
    classes, counts = np.unique(labels, return_counts=True)
    return {int(c): len(labels) / (len(classes) * int(n)) for c, n in zip(classes, counts)}
    ### END SOLUTION

# %% tags=["check"]
checks.class_weights(class_weights)

# %% nbgrader={"grade": true, "grade_id": "class_weights-1", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# All classes weigh the same in total, two classes or more (1 point).

# %% nbgrader={"grade": true, "grade_id": "class_weights-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The mean weight of a film is 1 (1 point).

# %% [markdown]
# ### Silent trap 2: weights that are not a dict
#
# scikit-learn's helper returns an *array* of weights, and the original lesson passed it on. What happens depends on the
# version: some Keras releases ignored it without a word and trained unweighted. Ours is kinder:

# %% tags=["demo", "keep_output", "nbval-check-output"]
inputs = tf.keras.Input((4,), name="four_numbers")
toy = tf.keras.Model(inputs, tf.keras.layers.Dense(2, activation="softmax", name="clf")(inputs))
toy.compile("sgd", "categorical_crossentropy")
x, y = np.ones((4, 4), np.float32), np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
for weights in (np.array([2 / 3, 2.0]), {0: 2 / 3, 1: 2.0}):
    try:
        toy.fit(x, y, class_weight=weights, verbose=0)
        print(type(weights).__name__, "accepted")
    except ValueError as error:
        print(type(weights).__name__, "refused:", str(error).split(". ")[0])

# %% [markdown]
# ## 5. The network
#
# VGG16 (Simonyan and Zisserman, 2014) is thirteen convolutions of 3 x 3 in five blocks, with a pooling after each block
# that halves the picture. The lesson added a **block 6** and a small head, so that films of 512 x 512 end at 5 x 5
# places. This is the function that builds it; it is yours to read, copy and change.

# %% tags=["demo"]
source = inspect.getsource(models.vgg16_block6)
Code(source[: source.index('"""')] + source[source.rindex('"""') + 3 :], language="python")

# %% [markdown]
# The *width divisor* makes every layer narrower without changing its shape: 1 is the full network, 8 is what two CPU
# cores can train in minutes. Everything you learn about the narrow one holds for the wide one.

# %% tags=["demo", "keep_output", "nbval-check-output"]
for size, divisor in ((512, 1), (256, 8)):
    network = models.vgg16_block6(size=size, width_divisor=divisor)
    print(f"{size} x {size}, width / {divisor}: {network.count_params():,} parameters")
    for layer in network.layers:
        if layer.name.endswith("_pool"):
            print("  ", layer.name, " x ".join(str(n) for n in layer.output_shape[1:]))

# %% [markdown]
# 256 x 256 is the smallest film that fits: block 5 leaves 8 x 8 places, three valid convolutions make it 2 x 2, and the
# last pooling makes it one.
#
# ### Exercise: `block6_and_head`  (medium, 15 minutes)
#
# Build everything after block 5 as a network of its own, from feature map to probabilities:
#
# 1. three convolutions of 3 x 3 with 512 channels divided by `width_divisor`, **valid** padding, ReLU, called
#    `block6_conv1`, `block6_conv2`, `block6_conv3`;
# 2. a 2 x 2 max pooling called `block6_pool`;
# 3. flatten; a dense layer of 100 with ReLU, dropout 0.1, a dense layer of 20 with ReLU, dropout 0.1;
# 4. a dense layer with one output a class and a softmax.
#
# **Before you go on.** How large is the map after each step, if 16 x 16 places come in? Where do most parameters sit?
#
# <details><summary>Hint 1: the idea</summary>
# Read how `vgg16_block6` does it: start with an `Input`, call one layer after another on what you have, and close with
# `tf.keras.Model(inputs, outputs)`.</details>
#
# <details><summary>Hint 2: the shape</summary>
# 16 x 16 loses one pixel at every side with each valid convolution: 14, 12, 10, and pooling leaves 5. Flattened that is
# 5 * 5 * 512 numbers, each with 100 weights in the first dense layer. Only the channels of the convolutions follow the
# width; 100 and 20 stay.</details>
#
# No progress after 15 minutes? Run the check, read the message, go on.

# %% nbgrader={"grade": false, "grade_id": "block6_and_head", "locked": false, "schema_version": 3, "solution": true, "task": false}
def block6_and_head(shape, width_divisor=1, classes=2):
    """Block 6 and the head of the cardiomegaly network.

    Parameters
    ----------
    shape : tuple of int, (H, W, K)
        The feature map that block 5 delivers for one film.
    width_divisor : int
        1 for 512 channels in block 6, 8 for 64.
    classes : int
        Number of outputs.

    Returns
    -------
    tf.keras.Model
        From (N, H, W, K) to probabilities (N, classes). Layers have the names of the list above; the weights are fresh.
    """
    ### BEGIN SOLUTION
    layers = tf.keras.layers
    x = inputs = layers.Input(shape, name="features")
    for i in (1, 2, 3):
        x = layers.Conv2D(512 // width_divisor, 3, padding="valid", activation="relu", name=f"block6_conv{i}")(x)
    x = layers.MaxPooling2D(name="block6_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate((100, 20), start=1):
        x = layers.Dense(units, activation="relu", name=f"dense{i}")(x)
        x = layers.Dropout(0.1, name=f"dropout{i}")(x)
    return tf.keras.Model(inputs, layers.Dense(classes, activation="softmax", name="predictions")(x))
    ### END SOLUTION

# %% tags=["check"]
checks.block6_and_head(block6_and_head)

# %% nbgrader={"grade": true, "grade_id": "block6_and_head-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Shapes and parameters follow width, size and number of classes (2 points).

# %% nbgrader={"grade": true, "grade_id": "block6_and_head-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Every layer does its part: names, ReLU, dropout, softmax (2 points).

# %% [markdown]
# ### Silent trap 3: weights that were never loaded
#
# The lesson loaded VGG16's weights *by name* from a file that had been saved from a model **inside** a model. Loading by
# name looks only at the outermost layers. It finds no name that fits, loads nothing, and says nothing. Here is the whole
# accident in small:

# %% tags=["demo", "keep_output", "nbval-check-output"]
layers = tf.keras.layers
base = tf.keras.Sequential([layers.Dense(4, name="block1", input_shape=(8,))], name="base")
nested = tf.keras.Sequential([base, layers.Dense(2, name="clf")])
nested.build((None, 8))
file = pathlib.Path(tempfile.mkdtemp()) / "nested.h5"
nested.save_weights(file)

flat = tf.keras.Sequential([layers.Dense(4, name="block1", input_shape=(8,)), layers.Dense(2, name="other_head")])
before = flat.get_layer("block1").get_weights()[0].copy()
flat.load_weights(file, by_name=True)
changed = not np.array_equal(before, flat.get_layer("block1").get_weights()[0])
print("no error; did the weights of block1 change?", changed)

# %% [markdown]
# The published network of that lesson was trained from random numbers, and nobody noticed. The cure is one line: keep a
# weight, load, compare. `medxai` does so whenever it loads weights by name.
#
# ### Silent trap 4: the learning rate that was never used

# %% tags=["demo", "keep_output", "nbval-check-output"]
import logging

logging.getLogger("absl").setLevel(logging.ERROR)  # Keras whispers here; in a long log nobody hears it
for arguments in ({"lr": 1e-5}, {"learning_rate": 1e-5}):
    optimizer = tf.keras.optimizers.Adam(**arguments)
    print(arguments, "-> trains with a learning rate of", f"{float(optimizer.learning_rate):.0e}")

# %% [markdown]
# `lr` is what the argument was called for years, and most code on the web still calls it so. Keras 2.14 accepts it,
# ignores it, and takes steps a hundred times as large as you asked for.
#
# ## 6. Train
#
# The recipe of the lesson: ImageNet weights, categorical cross-entropy on one-hot labels, Adam with 1e-5, 50 epochs with
# two films a batch, balanced class weights, horizontal flips, the best validation epoch kept. That is a GPU's afternoon. In
# the CPU profile we train the narrow network from random weights, for which it needs *batch normalisation* after each
# convolution (folded away again afterwards: many explanation methods are wrong on it, and lab 02 shows how).
#
# ### Is that augmentation right?
#
# Mirrored cats are cats. What about this?

# %% tags=["demo"]
film = phantoms.images[examples[0]]
fig = plots.film_grid([film, film[:, ::-1]], ["as taken", "flipped"], columns=2, size=3)
plots.show(fig, alt="A chest film and its mirror image. In the mirror image the heart points to the patient's right, the letter "
           "of the side marker is reversed and the gas bubble of the stomach lies on the wrong side.")

# %% [markdown]
# One person in ten thousand has a heart like the one on the right (*situs inversus*); no training set needs half of its
# films like that. For the *width* of a heart the flip may do little harm; for anything that has a side it teaches the
# network not to care. You will argue about it at the end. Small shifts and changes of exposure are what films really
# differ by, and those are what `Augmentation` does.
#
# A few epochs, so that you see it work. It will not be a good network yet: watch `val_loss` and `val_auroc` jump about. (The
# *AUROC* says how well the scores put the ill films above the healthy ones: 1 is perfect, 0.5 a coin. 01b explains it.)

# %% tags=["demo"]
network = models.vgg16_block6(size=films.images.shape[1], width_divisor=profile.width_divisor, batch_norm=True)
run = training.fit(network, train, validation, epochs=profile.class_epochs, batch_size=profile.batch_size,
                   learning_rate=1e-3, weights=training.class_weights(train.labels), augment=training.Augmentation(), seed=0)
run.history.round(3)

# %% [markdown]
# The checkpoint that 01b judges was trained by the same code on more films and for longer; 01b prints from its card how.
#
# ## 7. A network of your own  (bonus, 20 minutes, no points)
#
# Change anything: layers, width, learning rate, epochs. On two cores this one takes some seconds an epoch. It is saved
# as `my_network.keras`: 01b compares it with ours, and lab 02 can explain it. Rule: the last layer gives two
# probabilities, and explanation methods like plain layers (no nested models, ReLU as `activation="relu"` or `Activation`;
# 02a tells why).

# %% tags=["demo"]
def my_network(size):
    x = inputs = tf.keras.Input((size, size, 3), name="film")
    for i, width in enumerate((8, 16, 32, 32)):
        x = layers.Conv2D(width, 5, strides=2, padding="same", use_bias=False, name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"conv{i}_bn")(x)
        x = layers.Activation("relu", name=f"conv{i}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return tf.keras.Model(inputs, layers.Dense(2, activation="softmax", name="predictions")(x))


mine = my_network(films.images.shape[1])
my_run = training.fit(mine, train, validation, epochs=2, learning_rate=2e-3,
                      weights=training.class_weights(train.labels), augment=training.Augmentation(), seed=0)
mine.save("my_network.keras")
my_run.history.round(3)

# %% [markdown]
# ## What this notebook does not tell you
#
# - **Whether any network is good.** That takes held-out patients, intervals and baselines: [01b Judge](01b_judge.ipynb).
# - **What the network looks at.** A cost that falls is no reason. Lab 02 asks for the places.
#
# ## Recap
#
# - Cardiomegaly is a ratio above one half in the *chest*; AP films and shallow breaths raise the ratio on the *film*.
# - Preprocessing is a contract: channel order, means, range, and the input stays as it was.
# - Films of one patient are not independent. Split by patient, or measure memory.
# - Balanced weights are a dict; their mean is 1.
# - Keras is silent when weights are not loaded, when an argument has an old name, and when you preprocess twice. Look.
#
# And now one question that no check can mark.

# %% [markdown] nbgrader={"grade": true, "grade_id": "flips", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `flips`  (3 points, marked by a person, 10 minutes)
#
# A colleague trains a network for *pneumothorax* (air beside one lung) on these films with random horizontal flips,
# "because more data is always better". In five to eight sentences: what does the flip change on a chest film that never
# changes in the clinic? When may it be harmless, when not? How would you find out with an experiment, and what would
# you compare?
#
# ### BEGIN SOLUTION
# *Model answer.* The flip moves the heart, the aortic knuckle, the stomach bubble and the side marker to the side where
# they never are; the lungs change their number of lobes. Where the finding itself has no side and its neighbourhood
# does not matter, it may be harmless or even help with few films: a pneumothorax occurs on both sides. It harms where
# the normal picture of a side is used (a shifted heart is a sign of a *tension* pneumothorax: after flips the network has
# seen hearts on both sides and cannot call it shifted), and where the finding is about a side (situs inversus, a
# right-sided aorta). Experiment: train with and without flips, same patients, same folds, several seeds; compare AUROC
# on the same held-out patients with a paired bootstrap over patients, separately for films with a shifted mediastinum;
# choose on validation, report on test.
#
# *Rubric.* 1 point: names at least two structures whose side is fixed. 1 point: a case where it is harmless and one
# where it is not, with a reason. 1 point: an experiment with the same patients in both arms, and a comparison that has
# an interval or several seeds.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image recognition. ICLR 2015, arXiv
#   1409.1556.
# - X. Wang et al.: ChestX-ray8: hospital-scale chest X-ray database and benchmarks. CVPR 2017, arXiv 1705.02315.
# - C. S. Danzer: The cardiothoracic ratio. American Journal of the Medical Sciences 157, 1919.
#
# **Next:** [01b](01b_judge.ipynb) asks how good such a network is, and how sure one can be of the answer.
