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
# # 05a Class activation maps: draw, compute, look
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 100 minutes | 1.5 GB | 10 MB, drawn on your machine in a minute; a checkpoint of 0.3 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# Lab 02 asked a network from outside: change a pixel, send relevance back. The network of lab 04 needs none of that. It
# ends so simply that the map is already inside, exact to the last digit, and you only have to take it out. But first it is
# **your** turn to say where the finding is, before any map can tell you.
#
# **When you are done you can**
#
# - mark a pneumothorax on twenty films, and keep your marks for a fair comparison;
# - derive the class activation map from the last two layers, and prove yours by adding it up;
# - enlarge a map without moving it, and lay it over a film without lying;
# - choose what a map explains: one class, or the difference of two;
# - name what goes wrong in maps that you find on the web.
#
# You need lab 04 (the network and what a pneumothorax looks like) and sections 1 to 3 of 02a (films by a rule, signed maps).

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.explain import cam
from medxai.lab import boxes, cases
from medxai.networks import own_network
from medxai.checks import cam as checks
from medxai.networks.preprocessing import to_network_input

import functools
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from PIL import Image

import data_fetch

MY_NETWORK = False  # True: the network that you trained in 04a, section 7

# %% [markdown]
# ## 1. You first
#
# Run the cells **one by one** in this section and do not scroll ahead: once you have seen a map you cannot unsee it.
#
# Air between chest wall and lung is black and has no vessels in it. Its inner border is a thin white line, the surface of the
# lung that drew back. Small ones hide at the top, behind the clavicle. One example, with the outline that only phantoms
# have; it is none of your twenty:

# %% tags=["demo"]
test = data_fetch.fetch_pneumothorax(split="test")
phantoms = test if test.masks is not None else data_fetch.fetch_pneumothorax(split="test", source="phantom")
twenty = boxes.choose(phantoms.labels, phantoms.patients, 20, seed=5)
air = phantoms.masks["pneumothorax"]
large = np.argsort(air.sum(axis=(1, 2)))[::-1]
example = next(row for row in large[20:] if phantoms.patients[row] not in phantoms.patients[twenty])
fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.9))
plots.film(phantoms.images[example], "a film with a pneumothorax", axes[0])
plots.film(phantoms.images[example], "the same: where the air is", axes[1])
axes[1].contour(air[example], levels=[0.5], colors=[plots.ORANGE], linewidths=1.2)
plots.show(fig, alt="One chest film twice. On the right an orange outline shows the air: a crescent along the outer chest wall of one "
           "side, black and without vessels, from the top of the lung downwards.")

# %% [markdown]
# Now twenty films, **each with a pneumothorax**, no two of one patient, drawn by a seed. Put one box around the air on each.
# Where you see nothing, guess; the methods have to guess too. Take twenty seconds a film, no more.
#
# - *Mouse:* press, drag, let go.
# - *Keyboard:* move the focus to the film with the Tab key. Enter makes a box, the arrows move it, Shift with the arrows
#   changes its size, N and P turn the pages. Or type the four numbers below the film.
#
# Every box is saved at once in `my_boxes.txt` beside this notebook. Close the browser when you like; run the cell again and you
# go on where you were.

# %% tags=["demo"]
boxes.draw(phantoms.images[twenty], "my_boxes.txt")

# %% [markdown]
# No widget above, or a screen reader in use? Boxes are only numbers: read them off these rulers, in per cent of the film. (The
# figure shows the same films once more. If you have drawn your boxes, pass on.)

# %% tags=["demo"]
height, width = phantoms.images.shape[1:]
fig, axes = plt.subplots(4, 5, figsize=(12, 10.2), layout="constrained")
for number, (ax, row) in enumerate(zip(axes.flat, twenty), 1):
    ax.imshow(phantoms.images[row], cmap="gray", vmin=0, vmax=255, extent=(0, 100, 100, 0))
    ax.set_xticks(range(0, 101, 20))
    ax.set_yticks(range(0, 101, 20))
    ax.tick_params(labelsize=6)
    ax.grid(color="white", alpha=0.25, lw=0.5)
    ax.set_title(f"film {number}", fontsize=8)
plots.show(fig, alt="Twenty chest films in four rows, numbered from 1, each with rulers from 0 to 100 per cent along its left and lower "
           "side and a faint grid, so that the corner and the size of a box can be read off.")

# %% [markdown]
# ### Exercise: `my_boxes`  (easy, 15 minutes)
#
# Bring your boxes into the notebook, so that they are handed in with it. Press *Copy all boxes as Python* in the widget, click
# into the cell below, select all (Ctrl+A) and paste. Without a mouse: replace the cell's text by `%load my_boxes.txt` and run
# it **twice**; the first run puts your boxes there. Or type them.
#
# Marked is only **that** they are there. How good they are is between you and section 3 of 05b.
#
# <details><summary>Hint 1: the idea</summary>
# The function returns a dict: the number of the film, and the box on it. Nothing is computed.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Each box is (x, y, width, height) in per cent of the film; x and y are the corner at the upper left. Twenty numbers, from 1
# to 20, and not one may be missing.</details>

# %% nbgrader={"grade": false, "grade_id": "my_boxes", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_boxes():
    """Your box on each of the twenty films.

    Returns
    -------
    dict, int -> tuple of four floats
        Number of the film, from 1 to 20 -> (x, y, width, height) in per cent of the film's width and height; x and y are the
        upper left corner.

    Example
    -------
    A box on film 1 that begins in its middle and covers a tenth of its width and a fifth of its height:

    >>> my_boxes()
    {1: (50.0, 50.0, 10.0, 20.0), 2: ...}
    """
    ### BEGIN SOLUTION
    return {
        1: (58, 17, 30, 50), 2: (59, 18, 28, 45), 3: (14, 8, 33, 60), 4: (12, 14, 28, 25), 5: (15, 18, 28, 45),
        6: (57, 9, 32, 75), 7: (23, 20, 25, 45), 8: (16, 17, 28, 25), 9: (8, 11, 33, 30), 10: (17, 15, 27, 18),
        11: (14, 18, 30, 22), 12: (57, 15, 36, 62), 13: (56, 15, 24, 30), 14: (55, 15, 27, 50), 15: (57, 20, 31, 55),
        16: (56, 14, 28, 25), 17: (55, 12, 30, 40), 18: (15, 13, 29, 60), 19: (12, 15, 32, 60), 20: (55, 14, 30, 55),
    }
    ### END SOLUTION

# %% tags=["check"]
checks.my_boxes(my_boxes)

# %% nbgrader={"grade": true, "grade_id": "my_boxes-1", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Twenty boxes are there, inside their films (1 point).

# %% tags=["demo"]
kept = pathlib.Path("my_boxes.txt")  # 05b reads your boxes there
try:
    pasted = boxes.check(my_boxes())
    if not kept.is_file():
        boxes.write(kept, pasted)  # they were typed, or the file got lost
    same = boxes.read(kept) == pasted
    print(f"{len(pasted)} boxes in the cell above" + ("." if same else f", and others in {kept}: paste again, or delete the file."))
except Exception as reason:  # whatever is in that cell must not stop the notebook
    print(f"No boxes in the cell above yet ({type(reason).__name__}). Draw first: from the next section on there are maps.")

# %% [markdown]
# ## 2. The map that was there all along
#
# Follow one film through the end of lab 04's network. The convolutions leave a stack of small pictures, the **feature
# map**: $f_k(x, y)$ says how strongly detector $k$ answers at a place. **Global average pooling** (Lin et al. 2013, arXiv
# 1312.4400) takes the mean of each detector over the places, and a dense layer weighs the means:
#
# $$ z_c \;=\; b_c + \sum_k w_{ck}\,\frac{1}{HW}\sum_{x,y} f_k(x,y) $$
#
# These are sums and products, nothing else, so we may add in the other order: first over the detectors, at each place, and
# only then over the places. What stands there before the last mean is a picture, the **class activation map** or CAM (Zhou et
# al. 2016, arXiv 1512.04150):
#
# $$ m_c(x,y) = \sum_k w_{ck}\,f_k(x,y) \qquad\text{and so}\qquad z_c = b_c + \operatorname{mean}_{x,y}\, m_c(x,y) $$
#
# Nothing was fitted and nothing approximated. The map **is** the logit before the places were averaged away, and that gives
# you a law that few methods have: average your map, add the bias, and the logit must come back.

# %% tags=["demo"]
plots.show(plots.drawings.gap_and_cam(), alt="Three detectors on three by three places, as grids of numbers. On the upper way each is averaged and the "
           "averages are weighed by 2, minus 0.5 and 1. On the lower way the grids are weighed and added place by place, which gives a map "
           "with positive and negative places; its mean is the same number. With the bias both ways give the same logit.")

# %% [markdown]
# **Before you go on.** Take one place of the map and do its sum by hand. Why is the middle of the upper row below zero?
# What would a *constant* added to all values of one detector do to the map, and to the logit? What becomes of the map if
# the bias is not added anywhere?
#
# ### Exercise: `extract`  (medium, 12 minutes)
#
# Take the three ingredients out of **any** network that ends this way: what goes into the global average, and the weights and
# the bias of the dense layer behind it. Between and behind the two there may be a dropout or a softmax of their own. Find the
# layers by what they are, not by their names or numbers.
#
# <details><summary>Hint 1: the idea</summary>
# `model.layers` is a list, and `isinstance` tells what a layer is. Every layer knows its own `input` and `output`; a model can
# end at any tensor of another one.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `tf.keras.Model(model.input, some_tensor)` shares the weights of the old model, and its `predict` goes through films in
# batches. `get_weights()` of a dense layer is a list of two arrays. Which tensor is "what goes into the average" in a
# network whose last convolution is followed by a sum and a pooling?</details>
#
# No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "extract", "locked": false, "schema_version": 3, "solution": true, "task": false}
def extract(model, films):
    """What a class activation map is made of.

    Parameters
    ----------
    model : keras Model
        Has one GlobalAveragePooling2D and, somewhere behind it, one Dense layer.
    films : float32 array, (N, height, width, channels)
        Network input, any number of films.

    Returns
    -------
    tuple (features, weights, bias)
        What goes into the global average, (N, H, W, K), and the dense layer's weights (K, C) and bias (C,).

    Example
    -------
    The checkpoint of lab 04 in the cpu profile gives, for 3 films, shapes (3, 8, 8, 64), (64, 2) and (2,).
    """
    ### BEGIN SOLUTION
    kinds = tf.keras.layers
    gap = next(layer for layer in model.layers if isinstance(layer, kinds.GlobalAveragePooling2D))
    dense = next(layer for layer in reversed(model.layers) if isinstance(layer, kinds.Dense))
    features = tf.keras.Model(model.input, gap.input).predict(films, batch_size=32, verbose=0)
    weights, bias = dense.get_weights()
    return features, weights, bias
    ### END SOLUTION

# %% tags=["check"]
checks.extract(extract)

# %% nbgrader={"grade": true, "grade_id": "extract-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The features are what goes into the global average, for every film, in networks of other names and ends (2 points).

# %% nbgrader={"grade": true, "grade_id": "extract-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Weights and bias are the dense layer's: averaged and weighed, the features give back the output (1 point).

# %% [markdown]
# **The common mistake** is to take "the last convolution", as many scripts do by searching for the last `Conv2D`. Here a
# skip sum and a pooling come behind it, so its answers are only half of what is averaged. The map would look fine and add
# up to nothing.
#
# ### Exercise: `compute_cam`  (easy, 10 minutes)
#
# Write the map for a batch of films and a chosen class.
#
# <details><summary>Hint 1: the idea</summary>
# For one film and one place you have K answers of the detectors and K weights of the class. What do you do with two lists of K
# numbers to get one number? Now do that at every place at once.</details>
#
# <details><summary>Hint 2: the shape</summary>
# (N, H, W, K) with (K,) must become (N, H, W): one axis disappears, and it is the last. NumPy has an operator for exactly
# that.</details>
#
# No progress after 15 minutes? Run the next check with your attempt: its message says which property fails first.

# %% nbgrader={"grade": false, "grade_id": "compute_cam", "locked": false, "schema_version": 3, "solution": true, "task": false}
def compute_cam(features, weights, target):
    """Class activation maps of a batch.

    Parameters
    ----------
    features : float array, (N, H, W, K)
        What goes into the global average.
    weights : float array, (K, C)
        Weights of the dense layer that follows it.
    target : int
        The class to explain, 0 <= target < C.

    Returns
    -------
    float array, (N, H, W)
        Evidence for (positive) or against (negative) the class at each place, in units of the logit.

    Example
    -------
    Two detectors on a 1 x 2 picture; the class likes the first (+2) and dislikes the second (-1):

    >>> features = np.array([[[[1., 0.], [1., 3.]]]])     # place 1: (1, 0), place 2: (1, 3)
    >>> compute_cam(features, np.array([[2.], [-1.]]), target=0)
    array([[[ 2., -1.]]])
    """
    ### BEGIN SOLUTION
    return features @ weights[:, target]
    ### END SOLUTION

# %% tags=["check"]
checks.compute_cam(compute_cam)

# %% nbgrader={"grade": true, "grade_id": "compute_cam-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The map averages to the logit (2 points).

# %% nbgrader={"grade": true, "grade_id": "compute_cam-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The map is of the class that was asked for, for every film of the batch and any shape (1 point).

# %% [markdown]
# ### The law, on the network of lab 04
#
# Three films, chosen by a rule before any map is drawn: a typical hit, the clearest miss (as in 02a), and the healthy film
# with the highest score. **Predict**: will the map of the miss be negative everywhere?

# %% tags=["demo"]
checkpoint = medxai.load_checkpoint(f"pneumothorax-{data_fetch.profile().name}")
if MY_NETWORK:
    validation = data_fetch.fetch_pneumothorax(split="validation")
    checkpoint = own_network.load("../04_pneumothorax/my_pneumothorax.keras", checkpoint, validation)
scores = checkpoint.predict(test.images)[:, 1]
pair = cases.hit_and_miss(test.labels, scores, checkpoint.threshold)
healthy = np.flatnonzero(test.labels == 0)
alarm = int(healthy[scores[healthy].argmax()])
three = np.array([pair.hit, pair.miss, alarm])
shown, films = test.images[three], to_network_input(test.images[three])
which = ["hit", "miss" if pair.mistaken else "harder", "healthy"]
names = [f"{name}, score {scores[i]:.2f}" for name, i in zip(which, three)]
outlines = None if test.masks is None else test.masks["pneumothorax"][three]
print(pair.text)
print(f"The healthy film with the highest score: film {alarm} (score {scores[alarm]:.3f}).")

# %% tags=["demo"]
logits = medxai.explain.logits_model(checkpoint.model)(films).numpy()
grids = cam.maps(checkpoint.model, films, target=1)
offset = cam.bias(checkpoint.model, target=1)
print(f"{'':9}{'mean of the map':>16}  + bias   = {'sum':>8}{'logit':>9}{'apart':>10}{'below 0':>9}")
for name, grid, z in zip(which, grids, logits[:, 1]):
    total = grid.mean() + offset
    print(f"{name:9}{grid.mean():16.4f}{offset:9.4f}{total:11.4f}{z:9.4f}{abs(total - z):10.1e}{np.mean(grid < 0):9.0%}")

# %% [markdown]
# Equal up to rounding in 32-bit numbers, for hits, misses and healthy films alike. Remember this line when somebody shows you a
# map: *what does it add up to?* (A network of your own from 04a obeys it too, if it ends in the same way: set
# `MY_NETWORK = True` in the first cell, and every map of this lab is drawn of it.)
#
# The same sum on a network small enough to follow, and what is left of it when the map is clipped at zero or stretched:

# %% tags=["demo", "keep_output", "nbval-check-output"]
example = plots.drawings  # the three detectors drawn above
small = np.tensordot(example.WEIGHTS, example.DETECTORS, axes=1)
logit = example.WEIGHTS @ example.DETECTORS.mean(axis=(1, 2)) + example.BIAS
stretched = (small - small.min()) / (small.max() - small.min())
print(f"logit                        {logit:7.4f}")
for name, values in (("map", small), ("clipped at zero", small.clip(0)), ("min-max", stretched)):
    print(f"mean + bias, {name:15} {values.mean() + example.BIAS:7.4f}")

# %% [markdown]
# ## 3. From places to pixels
#
# The map has as many cells as the last feature map has places; the film has many more pixels. To look at both together the map
# is enlarged. Where does a cell sit? Its value stands for a *square* of the film, so it belongs to the **centre** of that
# square. Between two centres we draw a straight line in each direction (*bilinear*); outside the outermost centres the value
# stays level.
#
# With cells of width 1, cell $i$ has its centre at $i + \tfrac12$. A pixel's centre is found the same way: pixel $j$ of $n$
# lies at $(j + \tfrac12)\,\frac{\text{cells}}{n}$. This is the *half-pixel* convention. If corners are pinned to corners
# instead (many libraries do, without saying so), the map is stretched: up to half a cell at the edges, and a cell has many
# pixels. The tops of the lungs, where small pneumothoraces lie, are near the edges.
#
# ### Exercise: `upsample`  (medium, 12 minutes)
#
# Enlarge maps to the size that is **asked for**, with your own lines of NumPy (there are library calls for it; most pin the
# corners, and you are to know what they do). The lesson that this lab grew from had a size as argument and never used it.
#
# <details><summary>Hint 1: the idea</summary>
# Do the two directions one after the other. In one direction you have values at known positions and want them at other
# positions: `np.interp` does that for one row, and stays level outside.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Positions of the cells: 0, 1, ..., cells - 1. Of the pixels, on the same axis: (np.arange(n) + 0.5) * cells / n - 0.5.
# `np.apply_along_axis` runs a function along one axis of an array.</details>
#
# No progress after 15 minutes? Do it on paper first for two cells, 0 and 4, and four pixels.

# %% nbgrader={"grade": false, "grade_id": "upsample", "locked": false, "schema_version": 3, "solution": true, "task": false}
def upsample(maps, size):
    """Maps enlarged to the size of a film: bilinear, half-pixel centres, level beyond the outer centres.

    Parameters
    ----------
    maps : float array, (N, H, W)
        With sign, of any scale. Not changed.
    size : tuple (height, width)
        At least as large as the maps, in either direction.

    Returns
    -------
    float array, (N, height, width)

    Example
    -------
    Two cells with their centres a quarter and three quarters of the way, four pixels:

    >>> upsample(np.array([[[0.0, 4.0]]]), (1, 4))
    array([[[0., 1., 3., 4.]]])
    """
    ### BEGIN SOLUTION
    for axis, pixels in ((1, size[0]), (2, size[1])):
        cells = np.arange(maps.shape[axis])
        where = (np.arange(pixels) + 0.5) * len(cells) / pixels - 0.5
        maps = np.apply_along_axis(functools.partial(np.interp, where, cells), axis, maps)
    return maps
    ### END SOLUTION

# %% tags=["check"]
checks.upsample(upsample)

# %% nbgrader={"grade": true, "grade_id": "upsample-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The size that was asked for, straight lines between the centres of the cells (2 points).

# %% nbgrader={"grade": true, "grade_id": "upsample-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Enlarged by a whole factor a map keeps its mean, and no value is invented (1 point).

# %% [markdown]
# Look at the second property: an enlarged map still averages to the logit. The law survives the picture.

# %% tags=["demo"]
def enlarged_picture():
    maps = upsample(grids, shown.shape[1:])
    for name, grid, m in zip(which, grids, maps):
        print(f"{name:8} mean of the cells {grid.mean():8.4f}, of the pixels {m.mean():8.4f}")
    return plots.evidence(shown, maps, names, outlines=outlines)

plots.yours_or_expected(enlarged_picture, lambda: checks.upsample(upsample), "enlarged",
    alt="Three films, hit, miss and a healthy one, and below each its class activation map for pneumothorax on one common scale, red for and "
        "blue against. Soft blobs, some of them a quarter of the film wide. The hit has one strong red patch beside the air, the miss is pale, "
        "and the healthy film has a red patch about as strong as the hit's.")

# %% [markdown]
# **What you should see.** Blobs, not outlines. One scale for all three films, in units of the logit, so a pale map *means*
# little evidence. On real films there is no orange outline, and you have to judge by eye.
#
# The healthy film is the one with the highest score, and its map is anything but pale. Look at the *film* in that place: is
# there something that often goes with a pneumothorax, and is none? Keep your guess for section 5 of 05b.
#
# ## 4. Laying it over the film
#
# Overlays are where most maps on the web go wrong. Five mistakes that are found again and again; all but the third were in
# the lesson that this lab grew from:
#
# 1. **Inverted jet.** Film and map were both inverted and coloured with *jet*, so that its hottest colours marked the
#    places that mattered *least*. Jet also has bright bands where the data have nothing.
# 2. **Min-max on each film.** Smallest value cold, largest hot: a film without evidence glows like a collapsed lung.
# 3. **A veil of 50 % everywhere.** No evidence tints the film too, and the film is what the reader has to see.
# 4. **Always class 1.** The map of "pneumothorax" is shown whatever the network said.
# 5. **One film only.** A `squeeze` threw the batch axis away; with two films the same lines stop, or mix the films.
#
# Mistake 2 in numbers: the highest value of each map, and what min-max makes of it.

# %% tags=["demo"]
large_maps = cam.enlarge(cam.maps(checkpoint.model, test.images, target=1), shown.shape[1:])
limit = float(np.abs(large_maps[three]).max())
fig, axes = plt.subplots(1, 3, figsize=(10.5, 4))
for ax, name, m in zip(axes, names, large_maps[three]):
    picture = ax.imshow((m - m.min()) / (m.max() - m.min()), cmap="magma", vmin=0, vmax=1)
    ax.set_axis_off()
    ax.set_title(f"{name}\nlargest value {m.max():.1f}\nzero became {(0 - m.min()) / (m.max() - m.min()):.2f}", fontsize=9)
fig.colorbar(picture, ax=axes, shrink=0.7, label="min-max: no zero, no unit, no sign")
plots.show(fig, alt="The three maps stretched from their own smallest to their own largest value, black to yellow. All three reach full "
           "yellow, the miss too, over half of the film, although the titles say that its largest value is small and that zero became another "
           "number on each.")

# %% [markdown]
# ### Exercise: `overlay`  (medium, 15 minutes)
#
# Blend a colour into the film **in proportion to the evidence**: the share of the colour is the magnitude of the map over a
# `limit` that is the same for all films, and at most 1. The colour is `hot` where the map is positive, `cold` where it is
# negative. Where it is zero the film stays as it is.
#
# <details><summary>Hint 1: the idea</summary>
# At each pixel: (1 - share) times the film plus share times the colour. The film is one grey value for three
# channels.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Bring everything to (H, W, 3), or to (H, W, 1) and let NumPy broadcast: `film[..., None]`. `np.where` with a condition of
# shape (H, W, 1) can choose between two tuples of three numbers.</details>

# %% nbgrader={"grade": false, "grade_id": "overlay", "locked": false, "schema_version": 3, "solution": true, "task": false}
def overlay(film, cam, limit, hot, cold):
    """A film with its map over it, as RGB.

    Parameters
    ----------
    film : uint8 array, (H, W)
        As stored, 0 black to 255 white. Not changed.
    cam : float array, (H, W)
        A map with sign, in units of the logit. Not changed.
    limit : float, > 0
        The magnitude at which the colour covers the film. Beyond it nothing changes any more.
    hot, cold : tuples of three floats from 0 to 1
        RGB for evidence for and against the class.

    Returns
    -------
    float array, (H, W, 3), from 0 to 1

    Example
    -------
    Half the limit, against the class, on a white pixel: half white, half cold.

    >>> overlay(np.array([[255]], np.uint8), np.array([[-1.0]]), 2.0, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    array([[[0.5, 0.5, 1. ]]])
    """
    ### BEGIN SOLUTION
    grey = film[..., None] / 255
    share = np.clip(np.abs(cam) / limit, 0, 1)[..., None]
    colour = np.where(cam[..., None] > 0, hot, cold)
    return (1 - share) * grey + share * colour
    ### END SOLUTION

# %% tags=["check"]
checks.overlay(overlay)

# %% nbgrader={"grade": true, "grade_id": "overlay-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Hot at the maximum, cold at the minimum, the film where there is no evidence (2 points).

# %% nbgrader={"grade": true, "grade_id": "overlay-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One limit for all films; film and map are unchanged (1 point).

# %% [markdown]
# ## 5. Eight films and what the network said
#
# Chosen by a rule again: in each of four groups (called rightly, missed, called wrongly, rightly left alone) the two films
# whose score is nearest to the middle of their group. The pictures are also saved as files, in the folder `maps/` beside this
# notebook, at the size of the film and on the common scale.

# %% tags=["demo"]
HOT, COLD = (1.0, 0.25, 0.0), (0.0, 0.5, 1.0)
called, ill = scores >= checkpoint.threshold, test.labels == 1
groups = {"found": called & ill, "missed": ~called & ill, "false alarm": called & ~ill, "left alone": ~called & ~ill}
typical = {}
for name, members in groups.items():
    rows = np.flatnonzero(members)
    typical[name] = rows[np.argsort(np.abs(scores[rows] - np.median(scores[rows])), kind="stable")][:2] if len(rows) else rows
    print(f"{name:12} {len(rows):3} films, shown: {', '.join(map(str, typical[name])) or 'none'}")

# %% tags=["demo"]
def overlays():
    folder, limit = pathlib.Path("maps"), float(np.quantile(np.abs(large_maps), 0.999))
    folder.mkdir(exist_ok=True)
    fig, axes = plt.subplots(2, 8, figsize=(15, 4.4), layout="constrained")
    flat = [(name, row) for name, rows in typical.items() for row in rows]
    for (above, below), (name, row) in zip(axes.T, flat):
        picture = overlay(test.images[row], large_maps[row], limit, HOT, COLD)
        Image.fromarray(np.uint8(np.rint(255 * picture))).save(folder / f"{test.names[row].removesuffix('.png')}_pneumothorax.png")
        plots.film(test.images[row], f"{name}\nscore {scores[row]:.2f}", above)
        below.imshow(picture)
        below.set_axis_off()
    print(f"{len(flat)} pictures saved in {folder}/; full colour at {limit:.1f} units of the logit")
    return fig

plots.yours_or_expected(overlays, lambda: checks.overlay(overlay), "overlays",
    alt="Up to eight films in pairs: found, missed, false alarm, left alone; below each the same film with orange where evidence for a "
        "pneumothorax lies and blue where evidence against it lies. Films that were found have a strong orange patch over one lung; the "
        "others are mostly blue over the lungs, with weak orange near the tops.")

# %% [markdown]
# **What you should see.** Orange in patches the size of a fist on the films that were found; blue over healthy lungs, where
# the network counts a normal picture *against* the finding; pale films where it is unsure. Typical false alarms are pale
# too; the surest one, in section 2, was not. The map shows what the *network* saw, not what is there.
#
# ## 6. Which class, or which difference?
#
# The network has two logits, and the softmax looks only at their **difference**: add 5 to both and no probability changes. But
# both maps change. So what explains the *decision* is the map of $z_1 - z_0$, which is the difference of the two maps. Here are
# all three.

# %% tags=["demo"]
by_class = np.stack([cam.enlarge(cam.maps(checkpoint.model, films, target=c), shown.shape[1:]) for c in (0, 1)])
rows = [(f"hit: {what}", m[0]) for what, m in (("no pneumothorax", by_class[0]), ("pneumothorax", by_class[1]), ("the difference", by_class[1] - by_class[0]))]
again = None if outlines is None else outlines[[0, 0, 0]]
plots.show(plots.evidence(shown[[0, 0, 0]], np.stack([m for _, m in rows]), [name for name, _ in rows], outlines=again),
           alt="The hit three times, with the map of class no pneumothorax, of class pneumothorax, and of their difference, on one scale. "
               "The first is close to the second with its colours exchanged, and the difference has the pattern of the second, about twice as strong.")
apart = [np.corrcoef(a.ravel(), -b.ravel())[0, 1] for a, b in zip(*by_class)]
print("correlation of the map of class 1 with the sign-reversed map of class 0:", *[f"{name} {r:.3f}" for name, r in zip(which, apart)])

# %% [markdown]
# In a network that was trained with a softmax on two classes the two maps are nearly mirror images: training pulls them apart
# in the same way. That is a habit and no law. With three classes, "why this class" and "why this class *rather than that one*"
# are different questions. Say which one your map answers.
#
# ## 7. A finer map for nothing
#
# What goes into the global average is itself an average: lab 04's network pools its last sum over 2 x 2 places. A mean of means
# over equal windows is the mean of all. So the map taken **before** that pooling obeys the same law, and has four times as many
# cells.

# %% tags=["demo"]
finer = cam.finer_layer(checkpoint.model)  # None, and then no finer map, where the network has no such pooling
fine = cam.maps(checkpoint.model, films, target=1, layer=finer)
for name, a, b, z in zip(which, grids, fine, logits[:, 1]):
    print(f"{name:8} {a.shape[0]} x {a.shape[1]}: {a.mean() + offset:8.4f}   {b.shape[0]} x {b.shape[1]}: {b.mean() + offset:8.4f}   logit {z:8.4f}")
both = np.stack([cam.enlarge(m[:1], shown.shape[1:])[0] for m in (grids, fine)])
plots.show(plots.evidence(shown[[0, 0]], both, ["hit: after the last pooling", "hit: before the last pooling"],
                          outlines=None if outlines is None else outlines[[0, 0]]),
           alt="The hit twice, with the map taken after and before the last pooling. Both have one red patch; in the second its "
               "strongest place is shifted by less than a cell, and the mean is the same.")

# %% [markdown]
# Had the network pooled by *maxima* there, the trick would fail: a maximum is no sum. How a network is **built** decides how it
# can be explained. 05b finds out whether the finer map also points better.
#
# ## What these maps do not tell you
#
# - **Why** the detectors answered at a place. A drain and a pleural line may raise the same detector.
# - **Where exactly.** A cell is wider than most of the air it is to find, and the detectors behind it see far more than their
#   cell: through eight convolutions and three poolings they look at a large part of the chest.
# - **Whether the network is right.** The map of the surest false alarm looks as good as that of the hit.
# - **How good the map is.** You have looked at a handful of films. The next notebook counts.
#
# ## Recap
#
# - Global average plus one dense layer: the map is the logit, place by place. Mean plus bias gives it back, for every class.
# - Take what goes into the average, not the last convolution.
# - Half-pixel centres; the size is an argument; enlarging by a whole factor keeps the mean.
# - One signed scale in units of the logit, zero without colour, bone white. No jet, no min-max.
# - Say which class, or which difference, a map explains.

# %% [markdown] nbgrader={"grade": true, "grade_id": "ponder", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `ponder`  (3 points, marked by a person, 12 minutes)
#
# Look at the eight overlays again, and at the files in `maps/`. In about eight sentences: on which kind of film does the
# network fail, and what does its map show there? What does it look at when it is right: the air, its border, something that
# goes with it? Does it ever point at nonsense (the background, the marker, the belly), and what could be the reason? And
# **one** change to the *network* (not to the map) that would make its maps more useful, with what it might cost.
#
# ### BEGIN SOLUTION
# *Model answer.* Among my films the two misses have small collapses at the apex; their maps are pale, with a weak orange cell
# near the clavicle that the blue of the rest outvotes, since the logit is a mean and one cell of 64 counts little. When it is
# right, the orange lies over the outer part of one lung, over air and border alike; with cells of this size I cannot say which
# of the two. On one called film the patch lies where the drain enters, so it may be the drain that was counted; only taking it
# away would tell (05b). In one false alarm it points at the edge of a fold of skin, which looks like a pleural line, and once
# at the corner of the film where no lung is: padding at the border of the convolutions answers there, and a wide field of view
# may carry something from further in. One change: pool less, so that the last feature map has 16 x 16 or 32 x 32 places; that
# costs four or sixteen times the computation in the last stage, and each detector then sees less of the chest. (Or: average
# over the lungs only; or several dense layers behind the average, which would break the law.)
#
# *Rubric.* 1 point: a failure named from their own films, with what its map shows (weak, outvoted, elsewhere), not "it is
# wrong". 1 point: distinguishes what the map shows from what it can mean: resolution, drain or border, nonsense with a possible
# reason. 1 point: a change of the architecture that would change the map, with a cost or a limit.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - M. Lin, Q. Chen, S. Yan: Network in network. ICLR 2014, arXiv 1312.4400. Global average pooling.
# - B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba: Learning deep features for discriminative localization. CVPR 2016,
#   arXiv 1512.04150. Class activation maps.
# - A. Odena, V. Dumoulin, C. Olah: Deconvolution and checkerboard artifacts. Distill, 2016. What enlarging can do to a picture.
#
# **Next:** 05b scores these maps on all films: against the exact air, against maps that know nothing, and against you.
