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
# # 02a Attribution: ask with gradients
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 90 minutes | 2.5 GB | 60 MB, drawn on your machine in a minute; a checkpoint of 1.5 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# A network says "enlarged heart". *Which pixels made it say so?* An **attribution map** (many say *saliency map* or *heat map*)
# answers with a number for every pixel.
# There are dozens of ways to compute one, they disagree, and each of them draws something that looks convincing. In this
# notebook you build the family that follows the gradient; in 02b the family that hands relevance down from layer to layer.
#
# **When you are done you can**
#
# - choose two films to compare by a rule, and name the output that you explain;
# - make a network safe to ask: fold its BatchNorm, take off its softmax;
# - draw a map without lying: signed, centred at zero, the film beside it;
# - write input x gradient, SmoothGrad and integrated gradients, and test each by a law that it must obey;
# - call iNNvestigate yourself, and say where it does not do what its parameters promise.
#
# You need 01b (scores and thresholds) and know what a gradient is. Nothing about attribution is assumed.

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import localisation
from medxai.lab import cases
from medxai.networks import fold, own_network
from medxai.checks import gradients as checks
from medxai.networks.preprocessing import to_network_input

import pathlib
import subprocess
import sys
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import data_fetch

MY_NETWORK = False  # True: explain the network that you trained in 01a, section 7

# %% [markdown]
# ## 1. Two films, chosen by a rule
#
# Anybody can find a film whose map looks good. So the films are chosen **before** a map is drawn, by a rule that is written
# down: of the test films with an enlarged heart, the one in the middle of those that the network finds, and the one that
# it misses most clearly.
#
# Why so careful? The lesson that this lab grew from looked for a miss as well, stored its number under one name and drew
# the film of another name, whose value was still that of the hit. It showed **one film twice**, as "right" and as "wrong",
# and both maps looked plausible to everyone. A map never tells you that you are looking at the wrong film.
#
# **Before you look at any map**, write two sentences: where on such a film would *you* look to see whether a heart is
# enlarged? And which parts of the film should not matter at all? You need the answer in section 9.

# %% tags=["demo"]
checkpoint = medxai.load_checkpoint(f"cardiomegaly-{data_fetch.profile().name}")
if MY_NETWORK:
    checkpoint = own_network.load("../01_cardiomegaly/my_network.keras", checkpoint, data_fetch.fetch_cardiomegaly(split="validation"))
test = data_fetch.fetch_cardiomegaly(split="test")
scores = checkpoint.predict(test.images)[:, 1]
pair = cases.hit_and_miss(test.labels, scores, checkpoint.threshold)
shown, films = test.images[pair.films], to_network_input(test.images[pair.films])
which = ["hit", "miss" if pair.mistaken else "harder"]
names = [f"{name}, score {scores[i]:.2f}" for name, i in zip(which, pair.films)]
outlines = None if test.masks is None else test.masks["heart"][pair.films]
print(pair.text)
fig, axes = plt.subplots(1, 2, figsize=(8, 4.2))
for i, ax in enumerate(axes):
    plots.film(shown[i], names[i], ax)
    if outlines is not None:
        ax.contour(outlines[i], levels=[0.5], colors=[plots.ORANGE], linewidths=0.9)
if outlines is None:
    fig.supxlabel("real films: nobody has drawn the outline of the heart", fontsize=9)
plots.show(fig, alt="The two films of this notebook, both of patients with an enlarged heart. Left the hit, right the miss, their "
           "scores in the titles. Where the outline of the heart is known, it is drawn in orange: low in the middle of the chest, "
           "reaching to the right of the picture.")

# %% [markdown]
# ## 2. Is this network safe to ask?
#
# Attribution methods walk through a network layer by layer. What they do not know they pass over, each in its own way, and
# often **without a word**. `medxai.check_explainable` names it beforehand. Three networks that are quite usual:

# %% tags=["demo", "keep_output", "nbval-check-output"]
layers = tf.keras.layers

def network(name, *middle, last=None):
    first = layers.Input((8, 8, 3), name="film")
    end = [layers.Flatten(name="flatten"), layers.Dense(2, activation=last, name="logits")]
    return tf.keras.Sequential([first, layers.Conv2D(4, 3, name="conv"), *middle, *end], name=name)

block = tf.keras.Sequential([layers.Input((6, 6, 4), name="features"), layers.ReLU(name="relu")], name="block")
three = [network("normed", layers.BatchNormalization(name="bn"), layers.Activation("relu", name="relu")),
         network("nested", block),
         network("probabilities", layers.Activation("relu", name="relu"), last="softmax")]
for model in three:
    try:
        medxai.check_explainable(model)
    except medxai.NotExplainableError as refused:
        print(refused, "\n")

# %% [markdown]
# ### BatchNorm can be folded away
#
# Deep networks that start from random weights are usually trained with BatchNorm (Ioffe and Szegedy 2015, arXiv
# 1502.03167). After training it is only a scale and a shift for each output channel, with numbers that no longer change:
#
# $$\text{gamma} \cdot \frac{z - \text{mean}}{\sqrt{\text{variance} + \text{epsilon}}} + \text{beta}, \qquad z = \text{kernel} * x + \text{bias}$$
#
# A convolution followed by a scale and a shift is a convolution again, with another kernel and another bias.
#
# ### Exercise: `fold_layer`  (easy, 10 minutes)
#
# Write the kernel and the bias of that one convolution. The outputs must not change.
#
# <details><summary>Hint 1: the idea</summary>
# Put z into the formula and sort the terms: what is multiplied by x is the new kernel, all the rest is the new bias.</details>
#
# <details><summary>Hint 2: the shape</summary>
# There is one scale for each output channel, an array (out,). The output channel is the last axis of every Keras kernel, so
# NumPy's broadcasting does the rest. The mean is taken off before the scale, beta is added after it.</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no points
# and costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "fold_layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    """One layer that does what a layer and the BatchNorm behind it do together.

    Parameters
    ----------
    kernel : float array, (..., inputs, outputs)
        Of a dense layer (inputs, outputs) or a convolution (height, width, inputs, outputs).
    bias : float array, (outputs,)
    gamma, beta, mean, variance : float arrays, (outputs,)
        Of the BatchNorm; mean and variance are those that it uses after training.
    epsilon : float
        Added to the variance; layers differ in it.

    Returns
    -------
    tuple (kernel, bias)
        New arrays of the same shapes.

    Example
    -------
    A weight of 6 is scaled by 1 / sqrt(8 + 1); the bias becomes (5 - 2) / 3 + 10:

    >>> fold_layer(np.array([[6.0]]), *np.array([[5.0], [1.0], [10.0], [2.0], [8.0]]), 1.0)
    (array([[2.]]), array([11.]))
    """
    ### BEGIN SOLUTION
    per_output = gamma / np.sqrt(variance + epsilon)
    return kernel * per_output, beta + per_output * (bias - mean)
    ### END SOLUTION

# %% tags=["check"]
checks.fold_layer(fold_layer)

# %% nbgrader={"grade": true, "grade_id": "fold_layer-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The folded layer gives the same outputs, whatever its kernel; what went in is unchanged (2 points).

# %% nbgrader={"grade": true, "grade_id": "fold_layer-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Epsilon is honoured, and a channel that never varied does no harm (1 point).

# %% tags=["demo"]
rng = np.random.default_rng(0)
normed = three[0]
normed.set_weights([rng.uniform(0.2, 2, w.shape) for w in normed.get_weights()])
folded, some = fold.fold_batch_norm(normed), rng.normal(size=(50, 8, 8, 3)).astype("float32")
apart = np.abs(normed.predict(some, verbose=0) - folded.predict(some, verbose=0)).max()
print("layers before:", [layer.name for layer in normed.layers])
print("layers after: ", [layer.name for layer in folded.layers])
print(f"largest difference of the outputs: {apart:.1e}, of outputs up to {np.abs(folded.predict(some, verbose=0)).max():.0f}")
print("BatchNorm left in the checkpoint: ", sum("norm" in type(layer).__name__.lower() for layer in checkpoint.model.layers))

# %% [markdown]
# `medxai.networks.fold` does this for whole networks, and all checkpoints of the course were folded before they were stored.
#
# ### The softmax goes, and a class is chosen
#
# A probability saturates. With two classes the gradient of the probability is the difference of the two logits' gradients
# times p (1 - p), and for a film of which the network is sure, that factor is next to nothing:

# %% tags=["demo"]
logits = medxai.explain.logits_model(checkpoint.model)  # the same weights, no softmax
gradient = medxai.create_analyzer("gradient", logits)
three_films = [("hit", pair.hit), (which[1], pair.miss), ("the surest", int(scores.argmax()))]
print(f"{'':22}{'probability':>14}   largest |gradient| of\n{'film':12}{'logits':12}{'of class 1':>12}{'logit 1':>11}{'probability':>14}")
for name, i in three_films:
    one, p = to_network_input(test.images[i : i + 1]), scores[i]
    of_logit = gradient.analyze(one, 1)
    of_probability = p * (1 - p) * (of_logit - gradient.analyze(one, 0))
    values = ", ".join(f"{v:.2f}" for v in logits(one).numpy()[0])
    print(f"{name:12}{values:12}{p:12.6f}{np.abs(of_logit).max():11.1e}{np.abs(of_probability).max():14.1e}")

# %% [markdown]
# For the surest film, hardly anything is left: on a network that is surer still, a map of the probability is rounding
# noise. So we explain the **logit**, the number before the softmax. (`medxai.create_analyzer` takes a softmax off by itself.)
#
# Which logit? Left to themselves most libraries explain the *winner*. For the hit that is "cardiomegaly", for the miss
# it is "normal": two maps that answer two different questions, side by side. From here on every map explains **class 1,
# cardiomegaly**, on both films: what speaks for it, and what against.
#
# ## 3. How to look at a map
#
# A map has the shape of the network's input, three channels for one grey film, and a sign: above zero a pixel speaks for
# the class, below zero against it. To look at it, add up the channels and divide each film by its own largest magnitude.
#
# ### Exercise: `signed_map`  (easy, 8 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# Zero must stay zero, so you may only multiply or divide, never subtract. Which film has nothing to divide by?</details>
#
# <details><summary>Hint 2: the shape</summary>
# The sum over the last axis has shape (N, H, W). Its largest magnitude over axes 1 and 2, with `keepdims=True`, has shape
# (N, 1, 1). Where that is zero, zeros must come out: `np.where`, or `np.divide` with `where=`.</details>
#
# No progress after 15 minutes? Go on: until your function works, the picture below shows what it should draw.

# %% nbgrader={"grade": false, "grade_id": "signed_map", "locked": false, "schema_version": 3, "solution": true, "task": false}
def signed_map(maps):
    """Maps ready to be drawn with colours centred at zero.

    Parameters
    ----------
    maps : float array, (N, H, W, C)
        As an attribution method gives them, of any scale. N may be 3 as well. Not changed.

    Returns
    -------
    float array, (N, H, W), from -1 to 1
        The sum over the channels, each film divided by its own largest magnitude. The sign stays; a film whose map is zero
        everywhere stays zero.

    Example
    -------
    The channels add up to -4 and 2:

    >>> signed_map(np.array([[[[-3.0, -1.0], [1.0, 1.0]]]]))
    array([[[-1. ,  0.5]]])
    """
    ### BEGIN SOLUTION
    grey = np.sum(maps, axis=-1)
    peak = np.abs(grey).max(axis=(1, 2), keepdims=True)
    return np.divide(grey, peak, out=np.zeros_like(grey), where=peak > 0)
    ### END SOLUTION

# %% tags=["check"]
checks.signed_map(signed_map)

# %% nbgrader={"grade": true, "grade_id": "signed_map-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Channels summed, each film divided by its own largest magnitude, sign kept, maps unchanged (2 points).

# %% nbgrader={"grade": true, "grade_id": "signed_map-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A film without any attribution stays blank, and no other does (1 point).

# %% tags=["demo"]
gradient_maps = gradient.analyze(films, target=1)

def gradient_picture():
    return plots.attribution_grid(shown, {"gradient": signed_map(gradient_maps)}, names, outlines=outlines)

plots.yours_or_expected(gradient_picture, lambda: checks.signed_map(signed_map), "gradient",
    alt="Two rows, hit and miss: the film, and its gradient map in red and blue around white. Both maps are a fine grain of red and "
        "blue specks, denser over the lower middle of the film; no outline of anything can be followed.")

# %% [markdown]
# **What you should see.** Red and blue grain side by side. That is not a mistake: the gradient (Simonyan et al. 2013,
# arXiv 1312.6034) says how the logit would change if *one* pixel became a little brighter, and neighbours often have
# opposite signs. It says nothing about how much a pixel contributed.
#
# One thing to know when you read the colours: `plots.attribution` colours by the *square root* of the magnitude. A few
# pixels are often ten times stronger than everything that has a shape, and would leave the rest of the map white. The
# sign and the zero do not move.
#
# **The common mistake** is the way photographs are scaled: smallest value black, largest value bright. Then zero, "this
# pixel does not matter", gets whatever colour the extremes leave for it, another one on each film:

# %% tags=["demo"]
stretched = [(m - m.min()) / (m.max() - m.min()) for m in gradient_maps.sum(axis=-1)]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4))
for ax, m, before, name in zip(axes, stretched, gradient_maps.sum(axis=-1), names):
    picture = ax.imshow(m, cmap="magma", vmin=0, vmax=1)
    ax.set_axis_off()
    ax.set_title(f"{name}: zero became {(0 - before.min()) / (before.max() - before.min()):.2f}", fontsize=9)
fig.colorbar(picture, ax=axes, shrink=0.7, label="min-max: no zero, no sign")
plots.show(fig, alt="The same two gradient maps stretched from smallest to largest value in a colour map from black to yellow. The "
           "empty background has a middle purple, a different one on each film, and evidence against the class looks like nothing.")

# %% [markdown]
# ## 4. The same, without us: iNNvestigate
#
# `medxai.create_analyzer` is a thin front. Behind it works **iNNvestigate** (Alber et al., JMLR 20(93), 2019), whose names
# and parameters we kept. You will meet it in other people's code, so here are its own calls. It needs TensorFlow's eager
# execution switched off. That holds for a whole process and cannot be undone, and our networks here live in an eager one:
# so this is a script for a process of its own. Arrays travel through files.

# %% tags=["demo"]
script = '''
import sys, time, numpy as np, tensorflow as tf
tf.compat.v1.disable_eager_execution()                       # for good: hence a process of its own
import innvestigate

folder = sys.argv[1]
weights, film = np.load(f"{folder}/weights.npz"), np.load(f"{folder}/film.npy")

def analyzer(name, **parameters):
    network = tf.keras.models.model_from_json(open(f"{folder}/network.json").read())
    network.set_weights([weights[key] for key in weights.files])
    logits = innvestigate.model_wo_softmax(network)
    return innvestigate.create_analyzer(name, logits, neuron_selection_mode="index", **parameters)

gradient = analyzer("gradient")
for turn in ("built and used:", "used again:    "):
    start = time.perf_counter()
    np.save(f"{folder}/map.npy", gradient.analyze(film, neuron_selection=[1]))   # one class for each film
    print(turn, f"{time.perf_counter() - start:.2f} s")
for scale in (0.0, 1000.0):                                   # section 7 asks for these two
    with tf.Graph().as_default(), tf.compat.v1.Session().as_default():
        tf.random.set_seed(0)                                 # the same noise in both
        smooth = analyzer("smoothgrad", augment_by_n=8, noise_scale=scale)
        np.save(f"{folder}/scale_{scale:.0f}.npy", smooth.analyze(film, neuron_selection=[1]))
'''

# %% tags=["demo"]
def in_its_own_process(script, network, film):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "script.py").write_text(script, encoding="utf-8")
        (folder / "network.json").write_text(network.to_json(), encoding="utf-8")
        np.savez(folder / "weights.npz", *network.get_weights())
        np.save(folder / "film.npy", film)
        done = subprocess.run([sys.executable, folder / "script.py", folder], capture_output=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"the script stopped: {done.stderr[-500:]}")
        print(done.stdout, end="")
        return {path.stem: np.load(path) for path in folder.glob("*.npy")}

theirs = in_its_own_process(script, checkpoint.model, films[:1])
apart = np.abs(theirs["map"] - gradient_maps[:1]).max() / np.abs(gradient_maps[:1]).max()
print(f"largest difference from medxai's map: {apart:.1e} of its largest value")

# %% [markdown]
# Two lessons. Building an analyzer costs much more than using it: **build once, use for all films**. The lesson that this
# lab grew from built anew for every film. And give `neuron_selection` **a class for each film**, as a list.
#
# ## 5. Input x gradient
#
# The gradient says what a pixel *could* change. How much did it *give*? Multiply: pixel times gradient (Shrikumar et al.
# 2016, arXiv 1605.01713). On a linear network these are exactly the terms of the sum. So here is a law to test by: on a
# network of ReLUs without biases the map adds up to the logit.
#
# ### Exercise: `input_times_gradient`  (medium, 10 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# A `tf.GradientTape` records what happens to a tensor that it watches. Record only the one number of each film that you
# want to explain.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Films are not variables: turn them into a tensor and let the tape watch it. Outputs are (N, classes); take one column of
# them. The tape adds up the films' logits, which is harmless: a film's pixels reach only its own logit.</details>
#
# No progress after 15 minutes? TensorFlow's guide "Introduction to gradients and automatic differentiation" has every call
# you need.

# %% nbgrader={"grade": false, "grade_id": "input_times_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def input_times_gradient(model, images, target):
    """How much each pixel of each film gave to one logit, to first order.

    Parameters
    ----------
    model : keras Model
        (N, H, W, C) -> logits (N, classes). Also networks other than the checkpoint's.
    images : float32 array, (N, H, W, C)
        Network input. Not changed.
    target : int
        The class to explain, the same for all films, whether it wins or not.

    Returns
    -------
    float array or tensor, (N, H, W, C)
        Pixel times the gradient of that film's logit, channels apart.

    Example
    -------
    A network that computes 3 * pixel, asked about a pixel of 2, gives 3 * 2 = 6.
    """
    ### BEGIN SOLUTION
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = model(x)[:, target]
    return (x * tape.gradient(logit, x)).numpy()
    ### END SOLUTION

# %% tags=["check"]
checks.input_times_gradient(input_times_gradient)

# %% nbgrader={"grade": true, "grade_id": "input_times_gradient-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Pixel times gradient, film by film: on a ReLU network without biases a map adds up to the logit (2 points).

# %% nbgrader={"grade": true, "grade_id": "input_times_gradient-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The class that was asked for is explained, whichever wins (2 points).

# %% tags=["demo"]
def product_picture():
    maps = {"gradient": gradient_maps, "input x gradient": input_times_gradient(logits, films, 1)}
    for name, m, value in zip(which, maps["input x gradient"], logits(films).numpy()[:, 1]):
        print(f"{name:6} the map adds up to {m.sum():7.2f}, the logit is {value:6.2f}")
    return plots.attribution_grid(shown, maps, names, outlines=outlines)

plots.yours_or_expected(product_picture, lambda: checks.input_times_gradient(input_times_gradient), "input_times_gradient",
    alt="Two rows, hit and miss: the film, the gradient map, and input x gradient. The product has the same grain as the gradient, "
        "stronger where pixels are far from a middle grey, bright or dark alike.")

# %% [markdown]
# **What you should see.** The sums and the logits differ: this network has biases, and what they give belongs to no pixel.
# Look at what "input" means here, too. The network reads grey minus about 110, so a *middle grey* pixel counts as nothing
# and black air outside the body counts as much as bright bone, with the other sign. The product inherits that choice of zero,
# which nobody made on purpose. Section 8 makes it on purpose.
#
# ## 6. Which gate?
#
# On the way back every ReLU is a gate. The gradient lets a signal through where the unit fired on the way *forward*. Two
# methods use another gate. **DeconvNet** (Zeiler and Fergus 2013, arXiv 1311.2901) ignores what fired and passes positive
# *signals*. **Guided backpropagation** (Springenberg et al. 2014, arXiv 1412.6806) asks for both. Three units and what
# comes back to each of them. **Predict** before you look at the maps below: which of the three methods will give the cleanest
# picture, with the fewest places where red and blue meet?

# %% tags=["demo", "keep_output", "nbval-check-output"]
forward = np.array([2.0, -1.0, 3.0])   # before the ReLU: did the unit fire?
coming = np.array([1.0, 1.0, -2.0])    # the signal that comes back from above
gates = {"gradient": forward > 0, "deconvnet": coming > 0, "guided backprop": (forward > 0) & (coming > 0)}
print(f"{'before the ReLU':17}", *[f"{v:5.0f}" for v in forward])
print(f"{'comes back':17}", *[f"{v:5.0f}" for v in coming])
for name, open_gate in gates.items():
    print(f"{name:17}", *[f"{v:5.0f}" for v in np.where(open_gate, coming, 0)])

# %% tags=["demo"]
maps = {"gradient": gradient_maps}
for name, label in (("deconvnet", "DeconvNet"), ("guided_backprop", "guided backprop")):
    maps[label] = medxai.create_analyzer(name, logits).analyze(films, target=1)
plots.show(plots.attribution_grid(shown, maps, names, outlines=outlines),
           alt="Two rows, hit and miss: the film, then the maps of gradient, DeconvNet and guided backpropagation. The gradient is "
               "grain in both colours. DeconvNet is a cloud of mostly one colour; guided backpropagation draws clean thin lines along "
               "edges of the chest, such as the dome of the diaphragm.")

# %% [markdown]
# Guided backprop looks best. Be warned: it looks best on *any* network. Signals that would cancel are thrown away, what is
# left follows the edges of the film, and a crisp picture of edges is what our eyes call a good explanation. Nie et al. 2018
# (arXiv 1805.07039) show that both methods come close to restoring the image; lab 09 puts random weights into the network
# and looks at whether the map notices. **Crisp is not faithful.**
#
# One more thing that the picture hides. What do the methods start from at the top? Double the last layer, so that every
# logit doubles, and see by what the maps grow:

# %% tags=["demo"]
doubled = medxai.explain.logits_model(checkpoint.model)
doubled.layers[-1].set_weights([2 * w for w in doubled.layers[-1].get_weights()])
print("logits of cardiomegaly:", *[f"{name} {v:.2f}  " for name, v in zip(which, logits(films).numpy()[:, 1])])
for label, name in (("gradient", "gradient"), ("DeconvNet", "deconvnet"), ("guided backprop", "guided_backprop")):
    larger = medxai.create_analyzer(name, doubled).analyze(films, target=1)
    grows = [np.abs(b).max() / np.abs(a).max() for a, b in zip(maps[label], larger)]
    print(f"{label:16} largest value grows by {grows[0]:.2f} (hit) and {grows[1]:.2f} ({which[1]})")

# %% [markdown]
# The gradient starts from 1 and grows with the weights: twice. The other two start from the **value of the logit**, which
# has doubled as well: four times. Strengths cannot be compared between methods. And where the logit is *negative*, as it is
# for a missed film, they start with a minus: what passes the gates are then other paths, those that speak *against* the
# class, and a red pixel *lowers* the logit. The legend below the maps does not hold for them. The maps of hit and miss look
# alike, and mean the opposite.
#
# ## 7. SmoothGrad: ask many times
#
# If the gradient's grain is an accident of this very film, it should change when the film changes a little, and what
# matters should stay. SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825): add noise, take the gradient, repeat, average.
# How much noise? The paper counts it relative to the film: the standard deviation is a **noise level** times the film's
# range, largest minus smallest pixel. On photographs 0.1 to 0.2 looked best to its authors.
#
# ### Exercise: `smoothgrad`  (medium, 12 minutes)
#
# <details><summary>Hint 1: the idea</summary>
# A loop: a noisy copy of the film, its gradient, and at the end the mean of what was collected. The noise is new in each
# turn.</details>
#
# <details><summary>Hint 2: the shape</summary>
# One generator, `np.random.default_rng(seed)`, made before the loop. `rng.normal(0, sd, film.shape)` is noise for every pixel
# and channel. Magnitudes are for later: averaging signed gradients is the point.</details>
#
# No progress after 15 minutes? Run the check: it measures your noise and says what its size looks like.

# %% nbgrader={"grade": false, "grade_id": "smoothgrad", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    """The mean gradient over noisy copies of one film.

    Parameters
    ----------
    gradient_of : function, float array (H, W, C) -> float array (H, W, C)
        The gradient of the logit that is explained, at one film.
    film : float array, (H, W, C)
        Network input, of any pixel range. Not changed.
    samples : int
        How many noisy copies; the film itself is not among them.
    noise_level : float
        Standard deviation of the normal noise as a share of the film's range, `film.max() - film.min()`.
    seed : int
        The same seed gives the same map.

    Returns
    -------
    float array, (H, W, C), with sign

    Example
    -------
    On a linear network the gradient is the same everywhere, so noise changes nothing.
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    spread = noise_level * np.ptp(film)
    total = np.zeros(film.shape)
    for _ in range(samples):
        total += gradient_of(film + rng.normal(0, spread, film.shape))
    return total / samples
    ### END SOLUTION

# %% tags=["check"]
checks.smoothgrad(smoothgrad)

# %% nbgrader={"grade": true, "grade_id": "smoothgrad-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Normal noise, new for each sample, its standard deviation the noise level times the film's range (2 points).

# %% nbgrader={"grade": true, "grade_id": "smoothgrad-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The map is the mean of the gradients, sign kept (2 points).

# %% tags=["demo"]
def gradient_of(film):
    return gradient.analyze(film[None].astype("float32"), 1)[0]

def smooth_picture():
    maps = {"gradient": gradient_maps}
    for samples in (2, 16):
        maps[f"SmoothGrad, n = {samples}"] = np.stack([smoothgrad(gradient_of, film, samples, 0.005, 0) for film in films])
    return plots.attribution_grid(shown, maps, names, outlines=outlines)

plots.yours_or_expected(smooth_picture, lambda: checks.smoothgrad(smoothgrad), "smoothgrad",
    alt="Two rows, hit and miss: the film, the gradient, SmoothGrad with 2 and with 16 samples, at a noise level of 0.005. All maps "
        "are grain in both colours; which parts of the chest stand out changes from map to map.")

# %% [markdown]
# ### A parameter that does nothing
#
# iNNvestigate's SmoothGrad has a parameter `noise_scale`. The script of section 4 asked for a scale of 0 and of 1000, with
# the same random seed. It is accepted and **ignored**: in version 2.1.2 the noise always has a standard deviation of 1. That
# is less than half a per cent of a range from -124 to 151, and all of a range from 0 to 1. No message says so. (`medxai`
# draws the noise itself.) A parameter is a promise, and promises are tested.
#
# ### How many samples, and how much noise?
#
# A map made of random numbers is worth something only if *other* random numbers give the same one. So the figure compares
# maps of n samples (the lesson that this lab grew from took 2) with an independent map of 48, for three noise levels. In the
# legend stands what the network says to the noisy films. **Predict** first: which level will need the fewest samples?

# %% tags=["demo"]
zero, thousand = theirs["scale_0"], theirs["scale_1000"]
apart = np.abs(zero - theirs["map"]).max() / np.abs(theirs["map"]).max()
print("largest differences of the maps:")
print(f"theirs, noise_scale 0 against 1000:         {np.abs(zero - thousand).max():.1e}")
print(f"theirs, noise_scale 0 against the gradient: {np.abs(zero - theirs['map']).max():.1e}, {apart:.0%} of its largest value")
ours = medxai.create_analyzer("smoothgrad", logits, augment_by_n=8, noise_scale=0.0).analyze(films[:1], 1)
print(f"ours,   noise_scale 0 against the gradient: {np.abs(ours - gradient_maps[:1]).max():.1e}")

# %% tags=["demo"]
def noisy(level, samples, seed):
    noise = np.random.default_rng([7, seed]).normal(0, level * np.ptp(films[0]), (samples, *films[0].shape))
    return films[0] + noise.astype("float32")

counts, fig = (1, 2, 4, 8, 16, 32), plt.figure(figsize=(6, 3.8))
ax, said = fig.subplots(), {}
for level, colour in zip((0.005, 0.02, 0.15), (plots.BLUE, plots.ORANGE, plots.VERMILION)):
    many = gradient.analyze(noisy(level, 48, 99), 1).sum(axis=-1).mean(axis=0).ravel()
    alike = []
    for seed in range(2):
        drawn = gradient.analyze(noisy(level, max(counts), seed), 1).sum(axis=-1)
        alike.append([np.corrcoef(drawn[:n].mean(axis=0).ravel(), many)[0, 1] for n in counts])
    said[level] = logits(noisy(level, 32, 0)).numpy()[:, 1].mean()
    ax.plot(counts, np.transpose(alike), color=colour, lw=0.7, alpha=0.5)
    ax.plot(counts, np.mean(alike, axis=0), "o-", color=colour, label=f"noise level {level}: mean logit {said[level]:.2f}")
ax.set_xscale("log", base=2)
ax.set(xlabel="samples n", ylabel="correlation with a map of 48 others", ylim=(-0.05, 1), xticks=counts, xticklabels=counts)
ax.set_title(f"the hit; without noise its logit is {logits(films[:1]).numpy()[0, 1]:.2f}", fontsize=9)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
plots.show(fig, alt=f"Correlation of SmoothGrad maps of n samples with an independent map of 48, for n from 1 to 32, two seeds and "
           f"three noise levels. The mean logit of the noisy films is {', '.join(f'{v:.2f} at level {k}' for k, v in said.items())}.")

# %% [markdown]
# **What you should see.** The curves say how much of a map is about the film, and how much about the dice. Where they climb,
# more samples help. Where the level of the paper's photographs is laid over our film, no number of samples helps: look at the
# logit. The network no longer says what it said about the film, so its slopes are those of *another* film, and what is left
# of them is dice. **Take the noise as high as the answer stands it, no higher**, and draw this curve before you show a
# SmoothGrad map to anybody. From here on this lab takes a level of 0.005.
#
# ## 8. Integrated gradients: the whole way
#
# Think of the film as fading in from a **baseline**, an image that stands for "nothing". On the way the logit climbs from
# the baseline's value to the film's. Every bit of the climb was caused by pixels: add up, along the way, each pixel's slope
# times its step (Sundararajan et al. 2017, arXiv 1703.01365). Then, whatever the network:
#
# $$\sum_{\text{pixels}} \text{map} = \text{logit(film)} - \text{logit(baseline)} \qquad \text{(completeness)}$$
#
# That is for an endless number of steps. A computer takes n, and it matters *where* in each step the slope is taken.
#
# ### Exercise: `integrated_gradients`  (medium, 12 minutes)
#
# Write it so that on the small networks of the checks 64 steps are complete within 1 %, for any baseline.
#
# <details><summary>Hint 1: the idea</summary>
# A point of the way is baseline + a (film - baseline), a from 0 to 1. Take the mean of the gradients at points spread over the
# way, times the way itself. Which point of a step speaks best for the step?</details>
#
# <details><summary>Hint 2: the shape</summary>
# Cut 0...1 into n pieces and take the middle of each piece (or n + 1 points, with half the weight for both ends: the
# trapezoid). `np.linspace(0, 1, n)` and a plain mean is neither of the two.</details>
#
# No progress after 15 minutes? Start with a baseline of zeros and 2 steps, by hand, on the function 3 * pixel.

# %% nbgrader={"grade": false, "grade_id": "integrated_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def integrated_gradients(gradient_of, film, baseline, steps):
    """Integrated gradients of one film, from a baseline.

    Parameters
    ----------
    gradient_of : function, float array (H, W, C) -> float array (H, W, C)
        The gradient of the logit that is explained, at one film.
    film, baseline : float arrays, (H, W, C)
        Network input. Not changed.
    steps : int
        The way is cut into so many pieces; at most steps + 1 gradients are asked for.

    Returns
    -------
    float array, (H, W, C), with sign
        Adds up to logit(film) - logit(baseline), the better the more steps.

    Example
    -------
    On a network that computes 3 * pixel, a pixel of 2 and a baseline of 1 give 3 * (2 - 1) = 3.
    """
    ### BEGIN SOLUTION
    way = film - baseline
    total = np.zeros(film.shape)
    for k in range(steps):
        total += gradient_of(baseline + (k + 0.5) / steps * way)
    return way * total / steps
    ### END SOLUTION

# %% tags=["check"]
checks.integrated_gradients(integrated_gradients)

# %% nbgrader={"grade": true, "grade_id": "integrated_gradients-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The map adds up to the difference of the two logits, within 1 % with 64 steps, for any baseline (2 points).

# %% nbgrader={"grade": true, "grade_id": "integrated_gradients-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# On a linear network each pixel gets weight times way; gradients are taken on the straight way only (2 points).

# %% [markdown]
# ### A sum that falls short by law
#
# iNNvestigate takes the slope at the *beginning* of each step. On a network of ReLUs without biases, from a baseline of
# zeros, the slope is the same all the way, except at the very beginning, where nothing fires. So one of n steps is lost. The
# lesson that this lab grew from took 2 steps: such a map shares out one half.
#
# The checkpoint has biases and bends at thousands of ReLUs, so nothing is that simple. The figure follows it from a black film
# to the hit and the miss: what it says on the way, and what a map of n steps adds up to, beside what is owed.

# %% tags=["demo", "keep_output", "nbval-check-output"]
plain = tf.keras.Sequential([layers.Input((4, 4, 1), name="film"), layers.Flatten(name="flatten"),
    layers.Dense(6, activation="relu", use_bias=False, name="hidden"), layers.Dense(2, use_bias=False, name="logits")])
plain.set_weights([np.sin(np.arange(96.0)).reshape(16, 6), np.cos(np.arange(12.0)).reshape(6, 2)])
film = np.linspace(1, 2, 16, dtype="float32").reshape(1, 4, 4, 1)
logit = float(plain(film)[0, 1])
for n in (2, 4, 8, 64):
    m = medxai.create_analyzer("integrated_gradients", plain, steps=n).analyze(film, target=1)
    print(f"{n:2} steps: the map adds up to {m.sum() / logit:.4f} of the logit; (n - 1) / n is {(n - 1) / n:.4f}")

# %% tags=["demo"]
black = to_network_input(np.zeros((1, *shown.shape[1:]), np.uint8))[0]
at = np.arange(128, dtype="float32") / 128
counts, fig = (2, 4, 8, 16, 32, 64), plt.figure(figsize=(10, 3.6))
on_the_way, sums = fig.subplots(1, 2)
for film, name, colour in zip(films, names, (plots.BLUE, plots.VERMILION)):
    way = black + at[:, None, None, None] * (film - black)
    climb = np.concatenate([logits(part).numpy()[:, 1] for part in np.split(way, 16)])
    owed = logits(film[None]).numpy()[0, 1] - climb[0]
    slopes = (gradient.analyze(way, 1) * (film - black)).sum(axis=(1, 2, 3), dtype=float)
    on_the_way.plot(at, climb, color=colour, label=name)
    sums.axhline(owed, color=colour, ls=":", label=f"owed: {owed:.2f}")
    sums.plot(counts, [slopes[:: 128 // n].mean() for n in counts], "o--", color=colour, lw=1, label="beginning of each step")
    sums.plot(counts, [slopes[64 // n :: 128 // n].mean() for n in counts], "s-", color=colour, lw=1, label="middle of each step")
    print(f"{name}: owed {owed:6.3f}; 64 steps: beginning {slopes[::2].mean():6.3f}, middle {slopes[1::2].mean():6.3f}")
on_the_way.set(xlabel="share of the way from black to the film", ylabel="logit of cardiomegaly")
sums.set_xscale("log", base=2)
sums.set(xlabel="steps n", ylabel="what the map adds up to", xticks=counts, xticklabels=counts)
sums.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
on_the_way.legend(fontsize=8)
plots.show(fig, alt="Left: the logit of cardiomegaly on the way from a black film to hit and miss, with many small ups and downs. Right: "
           "what maps of 2 to 64 steps add up to; with few steps they are far from the dotted line of what is owed, then come close.")

# %% [markdown]
# **What you should see.** The middle of a step is the better place only once the steps are short enough to follow the ups and
# downs: with few steps both are lottery tickets, and the beginning may win by luck. No rule and no number of steps is right
# for every network. What *is* right: print the sum beside what is owed, and take more steps until they agree as well as you
# need. And look at where the two curves on the left part, and what a film of that brightness would look like: much of the
# climb happens on films that the network has never seen the like of.
#
# ### What is "nothing"?
#
# The baseline is a choice, and the map answers *"compared with what?"* Three usual choices: a black film, a middle grey
# (which is what zero means to this network), and the mean of the healthy test films.

# %% tags=["demo"]
healthy = np.stack([test.images[i] for i in np.flatnonzero(test.labels == 0)]).mean(axis=0)
baselines = {"from black": black, "from grey": np.zeros_like(black), "from the mean film": to_network_input(np.uint8(healthy)[None])[0]}

def baseline_picture():
    maps = {name: np.stack([integrated_gradients(gradient_of, film, b, 32) for film in films]) for name, b in baselines.items()}
    values = logits(np.stack([*films, *baselines.values()])).numpy()[:, 1]
    for k, (name, m) in enumerate(maps.items()):
        owed = values[:2] - values[2 + k]
        print(f"{name:18} hit {m[0].sum():5.2f}, owed {owed[0]:5.2f}   {which[1]} {m[1].sum():5.2f}, owed {owed[1]:5.2f}")
    return plots.attribution_grid(shown, maps, names, outlines=outlines)

plots.yours_or_expected(baseline_picture, lambda: checks.integrated_gradients(integrated_gradients), "baselines",
    alt="Two rows, hit and miss: the film, then integrated gradients from a black film, from grey and from the mean of healthy films. "
        "The three maps of one film differ in where they are strong and in sign.")

# %% [markdown]
# **What you should see.** Three maps of one film that do not agree, and each is as complete as 32 steps make it (the sums
# stand above). Where film and baseline are equal, the map is zero by construction: from black, the air around the patient
# can never light up, whatever the network does with it. No baseline is right. Say which one you took.
#
# ## 9. Six maps side by side
#
# Same films, same class, same logit. Now take out your two sentences from section 1.
#
# | method | its question | in one line | paper |
# |---|---|---|---|
# | gradient | what would change the logit? | slope at the film | Simonyan 2013, arXiv 1312.6034 |
# | SmoothGrad | and if the film were a little noisy? | mean slope around the film | Smilkov 2017, arXiv 1706.03825 |
# | DeconvNet | which pattern is sent back? | positive signals pass | Zeiler 2013, arXiv 1311.2901 |
# | guided backprop | and through which units that fired? | both gates | Springenberg 2014, arXiv 1412.6806 |
# | input x gradient | what did each pixel give, to first order? | pixel times slope | Shrikumar 2016, arXiv 1605.01713 |
# | integrated gradients | what did it give, compared with a baseline? | slope along the way, times the way | Sundararajan 2017, arXiv 1703.01365 |
#
# Look at them with four questions. *Where* is the map strong: in the heart, at its border, elsewhere? Does it have *both
# signs* there? Would the *miss* be recognised as a miss by its map? Do two methods that answer the *same* question agree?
#
# Then read the numbers below the maps: how much of each map's magnitude lies inside the heart, beside the share of the film
# that the heart takes up. Is the map that you liked best the one that found the heart?

# %% tags=["demo"]
wanted = {"gradient": ("gradient", {}),
          "SmoothGrad": ("smoothgrad", {"augment_by_n": 32, "noise_scale": 0.005 * float(np.ptp(films[0]))}),
          "DeconvNet": ("deconvnet", {}),
          "guided backprop": ("guided_backprop", {}),
          "input x gradient": ("input_t_gradient", {}),
          "integrated gradients": ("integrated_gradients", {"steps": 32, "reference_inputs": black})}
six = {label: medxai.create_analyzer(name, logits, **settings).analyze(films, target=1) for label, (name, settings) in wanted.items()}
plots.show(plots.attribution_grid(shown, six, names, per_row=3, outlines=outlines),
           alt="Hit and miss with the maps of all six methods, red for and blue against cardiomegaly. Gradient and input x gradient "
               "are grain in both colours, and so are SmoothGrad and integrated gradients. DeconvNet is mostly of one colour, in "
               "clouds. Guided backpropagation draws clean lines, such as the dome of the diaphragm.")

if outlines is None:
    print("Real films have no outline of the heart. 02b scores maps on phantoms.")
else:
    print(f"{'share of the map inside the heart':36}{'hit':>6}{which[1]:>8}")
    for label, m in six.items():
        print(f"{label:36}" + "".join(f"{v:8.0%}" for v in localisation.inside_share(m, outlines)))
    print(f"{'(its share of the film)':36}" + "".join(f"{v:8.0%}" for v in outlines.mean(axis=(1, 2))))

# %% [markdown]
# ## What these maps do not tell you
#
# - **Whether the network is right.** The maps of the miss are no less tidy than those of the hit.
# - **Why.** A map says *where*, not "the heart is wide". Two networks with different reasons can have the same map.
# - **What would happen** if the region were really changed: a slope is about a tiny change. Later labs erase and look.
# - **That the picture is of this network.** Some maps hardly change when the weights do (lab 09).
# - **One film is no evidence.** 02b scores methods on many films, against maps that know nothing of the network.
#
# ## Recap
#
# - Films by a rule, one class for all, the logit and not the probability.
# - No BatchNorm, no nested model, no softmax: check before you ask.
# - Signed, centred at zero, film beside it, each map by its own scale.
# - Every method has a law: completeness, sums on bias-free networks, what noise level zero must give. Laws find mistakes in
#   libraries as well as in your own code.
# - Where dice or steps are involved, show that more of them change nothing.

# %% [markdown] nbgrader={"grade": true, "grade_id": "which_gradient", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `which_gradient`  (4 points, marked by a person, 15 minutes)
#
# A colleague shows you the guided backpropagation map of one film: thin bright lines around the heart, scaled from its
# smallest to its largest value, of "the prediction". "So the network looks at the heart's border", she says. Answer in
# about ten sentences: what can be concluded from this picture and what cannot; which choices she should have told you; which
# method of this notebook you would use instead, with which settings, and by which law or measurement you would show her that
# *your* map can be trusted further. Use what you saw in your own notebook.
#
# ### BEGIN SOLUTION
# *Model answer.* Lines along the heart's border are what guided backpropagation draws along any strong edge, because its
# gates throw away what would cancel; my own guided maps were crisp on the hit and on the miss. So the picture shows that
# the film has an edge there, not that the decision used it. It is one film, and I do not know how it was chosen. Scaled
# from smallest to largest, zero has no fixed colour and evidence against looks like little evidence. "The prediction" hides
# the output: the winner or a class, the probability or the logit; for a film with a negative logit the method starts from a
# negative number and other paths pass. I would explain the logit of cardiomegaly with integrated gradients from a stated
# baseline, with as many midpoint steps as it takes until the sum agrees with the difference of the logits within a few per
# cent, and print both. Because the baseline is a choice I would show a second one. Against grain I would add SmoothGrad, at
# a noise level at which the logit stays what it was (0.005 here; at 0.15 it fell), with the correlation between two seeds.
# Both drawn signed, zero white, the film beside it. And even then I would not say "looks at the border" before I had scored
# many films against the outline and against maps that know nothing, and had erased the border to see whether the logit
# falls.
#
# *Rubric.* 1 point: crisp is not faithful; gates favour edges, one film proves little. 1 point: names the missing choices
# (class, logit or probability, scale with zero, how the film was chosen, start from the logit). 1 point: a method with its
# settings, and why. 1 point: a law or measurement that could fail (completeness, seeds, many films against null
# baselines, erasing, random weights), tied to own numbers.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - K. Simonyan, A. Vedaldi, A. Zisserman: Deep inside convolutional networks: visualising image classification models and
#   saliency maps. 2013, arXiv 1312.6034.
# - D. Smilkov et al.: SmoothGrad: removing noise by adding noise. 2017, arXiv 1706.03825.
# - M. Sundararajan, A. Taly, Q. Yan: Axiomatic attribution for deep networks. ICML 2017, arXiv 1703.01365.
# - W. Nie, Y. Zhang, A. Patel: A theoretical explanation for perplexing behaviors of backpropagation-based visualizations.
#   ICML 2018, arXiv 1805.07039.
# - J. Adebayo et al.: Sanity checks for saliency maps. NeurIPS 2018, arXiv 1810.03292.
# - M. Alber et al.: iNNvestigate neural networks! JMLR 20(93), 2019.
#
# **Next:** 02b hands relevance down from layer to layer, learns patterns from training films, and scores all methods against
# the outline of the heart.
