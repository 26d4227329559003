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
# # 02b Attribution: relevance and patterns
#
# | time | memory | data | licence |
# |---|---|---|---|
# | about 90 minutes | 2.5 GB | 130 MB, drawn on your machine in a minute; a checkpoint of 1.5 MB | text and figures CC BY 4.0, code Apache 2.0 |
#
# In 02a you asked what happens to the answer when a pixel changes. This notebook asks two other questions. *Who earned
# the answer?* The network's output is shared out backwards, layer by layer, like the winnings of a lottery syndicate:
# that is **relevance**. And: *what in the film did the network answer to?* That is the **signal**, and it has to be
# learned from data. In the end all thirteen methods of this lab meet in a league, together with three impostors that never
# saw the network.
#
# **When you are done you can**
#
# - lead relevance through a real network by your own function, and say where some of it gets lost;
# - tell what an epsilon, an alpha and a beta do to a map;
# - explain why a weight is not a signal, and estimate a signal's direction;
# - score maps against a known truth, beside baselines that know nothing;
# - say what such a score does not prove.
#
# You need 02a (signed maps, the logit of a chosen class, input x gradient).

# %% tags=["setup"]
import medxai  # first, so that TensorFlow starts quietly
from medxai import plots
from medxai.evaluate import localisation, metrics
from medxai.lab import cases
from medxai.networks import own_network
from medxai.checks import relevance as checks
from medxai.explain import fit_patterns, logits_model
from medxai.networks.preprocessing import to_network_input

import subprocess
import sys
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf

import data_fetch

MY_NETWORK = False  # True: explain the network that you trained in 01a, section 7

# %% [markdown]
# ## 1. The same two films
#
# One enlarged heart that the network finds and one that it misses, chosen by a rule that stands in the output. We ask
# about **one class for both**, cardiomegaly. Had we taken each film's winner, the two maps would answer two different
# questions: "why ill?" and "why normal?".

# %% tags=["demo"]
checkpoint = medxai.load_checkpoint(f"cardiomegaly-{data_fetch.profile().name}")
if MY_NETWORK:
    checkpoint = own_network.load("../01_cardiomegaly/my_network.keras", checkpoint, data_fetch.fetch_cardiomegaly(split="validation"))
network = logits_model(checkpoint.model)  # the same network, the softmax taken off
test = data_fetch.fetch_cardiomegaly(split="test")
scores = checkpoint.predict(test.images)[:, 1]
pair = cases.hit_and_miss(test.labels, scores, checkpoint.threshold)
ILL = 1
films, stored = to_network_input(test.images[pair.films]), test.images[pair.films]
logits = network(films).numpy()
rows = [f"hit\n{scores[pair.hit]:.2f}", f"{'miss' if pair.mistaken else 'harder film'}\n{scores[pair.miss]:.2f}"]
print(f"source: the network learned from {checkpoint.card['data']['source']} films, these are {test.card['source']} films")
print(textwrap.fill(pair.text, 110))
print(pd.DataFrame(logits, index=["hit", "miss" if pair.mistaken else "harder film"], columns=test.classes).round(2))
titles = [f"{row} of cardiomegaly".replace("\n", ", probability ") for row in rows]
plots.show(plots.film_grid(stored, titles, columns=2, size=3),
           alt="Two chest films with an enlarged heart side by side, in grey with bone white: left the hit, right the film "
               "with the lowest score. Their probabilities stand above them.")

# %% [markdown]
# The numbers in the table are **logits**, the network's output before the softmax. They are what is shared out. Keep an eye
# on their signs: a negative logit will matter. (If the first line names two sources, the network is a stranger to these films:
# its maps are then worth a look, but say little about either.)
#
# ## 2. Relevance: share the output out, and lose nothing
#
# Start at the end with the logit of one class. Each unit hands its relevance down to the units that it was computed from,
# **in proportion to what each contributed to its sum**: input times weight. Repeat until you reach the pixels. This is
# *layer-wise relevance propagation*, LRP (Bach et al. 2015). Here it is on a network that fits on a napkin:

# %% tags=["demo"]
PLACES = {"x1": (0, 1), "x2": (0, 0), "h1": (1, 1), "h2": (1, 0), "y": (2, 0.5)}

def napkin(ax, title, nodes, edges, colour):
    for (start, end), number in edges.items():
        (x0, y0), (x1, y1) = PLACES[start], PLACES[end]
        ax.plot([x0, x1], [y0, y1], color="0.75", zorder=1, lw=1.2)
        ax.text(x0 + 0.3 * (x1 - x0), y0 + 0.3 * (y1 - y0), f"{number:+g}", color=colour, fontsize=11,
                ha="center", va="center", bbox={"fc": "white", "ec": "none", "pad": 1})
    for name, number in nodes.items():
        ax.scatter(*PLACES[name], s=1100, color="white", edgecolor=colour, zorder=2)
        ax.text(*PLACES[name], f"{name}\n{number:g}", ha="center", va="center", fontsize=10, zorder=3)
    ax.set(title=title, xlim=(-0.25, 2.25), ylim=(-0.3, 1.3))
    ax.set_axis_off()

fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.2), layout="constrained")
napkin(axes[0], "forwards: values; on the lines the weights", {"x1": 1, "x2": 2, "h1": 3, "h2": 1, "y": 4},
       {("x1", "h1"): 1, ("x2", "h1"): 1, ("x1", "h2"): 3, ("x2", "h2"): -1, ("h1", "y"): 2, ("h2", "y"): -2}, plots.BLUE)
napkin(axes[1], "backwards: relevance; on the lines the shares", {"x1": -4, "x2": 8, "h1": 6, "h2": -2, "y": 4},
       {("x1", "h1"): 2, ("x2", "h1"): 4, ("x1", "h2"): -6, ("x2", "h2"): 4, ("h1", "y"): 6, ("h2", "y"): -2}, plots.VERMILION)
plots.show(fig, alt="A network of two inputs, two hidden ReLU units and one output, drawn twice. Forwards: inputs 1 and 2 give "
           "hidden values 3 and 1 and the output 4. Backwards: the output's 4 is split into 6 and -2, the 6 into 2 and 4, the "
           "-2 into -6 and 4; the inputs end with -4 and 8, which again add up to 4.")

# %% [markdown]
# Follow one unit: h2 is 1, made of 3 from x1 (1 times 3) and of -2 from x2 (2 times -1). Its relevance is -2, so it hands
# -6 to x1 and +4 to x2. In every column the relevances add up to 4, the output. That is **conservation**.
#
# **Before you go on.** What does *input x gradient* give for x1 and x2? The gradient for x1 is 1 times 2 plus 3 times -2.

# %% tags=["demo", "keep_output", "nbval-check-output"]
def on_a_napkin(bias=(0, 0)):
    """The drawn network for films of 1 x 2 pixels; `bias` of the two hidden units."""
    film = tf.keras.Input((1, 2, 1), name="film")
    hidden = tf.keras.layers.Dense(2, activation="relu", name="hidden")(tf.keras.layers.Flatten(name="flatten")(film))
    model = tf.keras.Model(film, tf.keras.layers.Dense(1, name="output")(hidden), name="napkin")
    model.set_weights([np.array([[1, 3], [1, -1]]), np.array(bias), np.array([[2], [-2]]), np.zeros(1)])
    return model

pixels = np.array([1, 2], np.float32).reshape(1, 1, 2, 1)
for bias in ((0, 0), (1, 2)):
    model = on_a_napkin(bias)
    print(f"biases {bias}: output {float(model(pixels)):g}")
    for method in ("lrp.z", "input_t_gradient"):
        shares = medxai.create_analyzer(method, model).analyze(pixels, target=0).ravel()
        print(f"  {method:17} {shares.round(3) + 0}  adds up to {shares.sum().round(3) + 0:g}")

# %% [markdown]
# Two lessons. **LRP in its plain form, LRP-Z, is input x gradient** on a network of ReLUs: each unit divides by its sum,
# and the layer above has just multiplied by that very number (Ancona et al. 2018). The rest of this section is about what
# makes LRP a different method. And **a bias keeps relevance for itself**: it is part of the sum, but it is no pixel, so
# what falls to it never arrives. With the biases (1, 2) the pixels' shares do not add up to the output any more.
#
# ### Why an epsilon?
#
# A unit whose sum is nearly zero, because much spoke for it and much against, is worth little as a witness. Yet under LRP-Z
# it hands down large shares of both signs. LRP-epsilon adds a small number to each sum, **with the sum's sign**, so that
# the sum moves away from zero: the weak units' relevance shrinks, the strong ones' hardly changes.

# %% tags=["demo", "keep_output", "nbval-check-output"]
model = on_a_napkin()
for epsilon in (1e-7, 0.1, 1.0, 10.0):
    shares = medxai.create_analyzer("lrp.epsilon", model, epsilon=epsilon).analyze(pixels, target=0).ravel()
    print(f"epsilon {epsilon:5.1f}: shares {shares.round(2) + 0}  arriving {shares.sum().round(2):5.2f} of 4")

# %% [markdown]
# With 0.0000001, iNNvestigate's default (printed as 0.0), the rule is LRP-Z. With a large epsilon little arrives, and what
# arrives has changed its proportions. So whoever says "LRP-epsilon" must say which.
#
# ### Exercise: `lrp_epsilon`  (hard, 20 minutes)
#
# Write the rule for one layer. `layer` is a network that holds a single dense or convolutional layer **without
# activation**; call it and it gives the sums, biases included. Each output hands its relevance down:
#
# share of input i from output j = input_i * weight_ij / (sum_j + epsilon * sign(sum_j)) * relevance_j
#
# where the sign of 0 is +1. An input adds up its shares from all outputs. Loops over the pixels of a convolution would
# take hours; there is a short cut that works for every linear layer.
#
# <details><summary>Hint 1: the idea</summary>
# Three steps: compute the sums; divide the relevance by the steadied sums; send the quotient back through the weights and
# multiply by the input. "Back through the weights" is what a gradient of a linear layer does, strides and padding
# included.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `tf.GradientTape` with `tape.watch`, the call of the layer inside, the division outside; then
# `tape.gradient(sums, x, output_gradients=...)`. `tf.where(condition, 1.0, -1.0)` makes a sign that is never 0.</details>
#
# Below your function stands its check. Run it as often as you like: it names the first thing that is wrong, gives no
# points and costs none. No progress after 15 minutes? Go on: nothing below needs your answer to be right.

# %% nbgrader={"grade": false, "grade_id": "lrp_epsilon", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    """Lead relevance back through one layer by the epsilon rule.

    Parameters
    ----------
    layer : tf.keras.Model
        One Dense or Conv2D layer without activation, with or without bias.
    inputs : float32 array, (N, F) or (N, H, W, C)
        What went into the layer, film by film.
    relevance : float32 array, in the shape of `layer(inputs)`
        The relevance of each output, of any sign.
    epsilon : float, > 0
        What is added to a sum that is at least 0, and subtracted from one below 0.

    Returns
    -------
    float array in the shape of `inputs` (numpy, not a tensor)

    Example
    -------
    One output with the weights 2, -1 and 1 and no bias. The inputs 1, 2 and 3 give the sum 3; its relevance of 3 is shared
    out as 2, -2 and 3:

    >>> lrp_epsilon(layer, np.array([[1, 2, 3]], "float32"), np.array([[3]], "float32")).round(3)
    array([[ 2., -2.,  3.]], dtype=float32)
    """
    ### BEGIN SOLUTION
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = sums + epsilon * tf.where(sums >= 0, 1.0, -1.0)
    quotient = tf.constant(relevance, tf.float32) / steadied
    return (x * tape.gradient(sums, x, output_gradients=quotient)).numpy()
    ### END SOLUTION

# %% tags=["check"]
checks.lrp_epsilon(lrp_epsilon)

# %% nbgrader={"grade": true, "grade_id": "lrp_epsilon-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Dense layers: each input's share is its part of the sum, bias included, film by film (2 points).

# %% nbgrader={"grade": true, "grade_id": "lrp_epsilon-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Convolutions, with strides, padding and several channels (1 point).

# %% nbgrader={"grade": true, "grade_id": "lrp_epsilon-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Epsilon is honoured, takes each sum's sign, and counts a sum of 0 as positive (1 point).

# %% [markdown]
# ### Through the whole network
#
# Your function now carries the logit of a real film down to its pixels. Layers without weights need no rule: max pooling
# hands everything to the pixel that won, which is what its gradient does; flattening is a change of shape; dropout does
# nothing outside training; and a ReLU hands its relevance through. The network's layers come with their activation, so
# each is copied without it:

# %% tags=["demo"]
def alone(layer):
    """A network of this one layer, without its activation."""
    given = tf.keras.Input(layer.input_shape[1:], name="given")
    copy = type(layer).from_config(layer.get_config() | {"activation": "linear"})
    single = tf.keras.Model(given, copy(given))
    single.set_weights(layer.get_weights())
    return single

def lead_back(rule, film, target, epsilon):
    """The relevance of every pixel of `film` (1, H, W, 3), by `rule` in each layer with weights."""
    x, passed = tf.constant(film), []
    for layer in network.layers[1:]:
        passed.append((layer, x))
        x = layer(x, training=False)
    relevance = x.numpy() * np.eye(x.shape[1], dtype=np.float32)[target]
    for layer, x in reversed(passed):
        if layer.weights:
            relevance = np.asarray(rule(alone(layer), x.numpy(), relevance, epsilon), np.float32)
        else:
            with tf.GradientTape() as tape:
                tape.watch(x)
                out = layer(x, training=False)
            relevance = tape.gradient(out, x, output_gradients=tf.constant(relevance)).numpy()
    return relevance

# %% tags=["demo"]
def side_by_side(epsilon=0.1):
    mine = lead_back(lrp_epsilon, films[:1], ILL, epsilon)
    theirs = medxai.create_analyzer("lrp.epsilon", checkpoint.model, epsilon=epsilon).analyze(films[:1], target=ILL)
    off = np.abs(mine - theirs).max() / np.abs(theirs).max()
    fig = plots.attribution_grid(stored[:1], {"your function": mine, "iNNvestigate": theirs}, rows[:1])
    fig.suptitle(f"LRP-epsilon, epsilon {epsilon}: largest difference {off:.1e} of the largest value", fontsize=10)
    return fig

plots.yours_or_expected(side_by_side, lambda: checks.lrp_epsilon(lrp_epsilon), "side_by_side",
    alt="The film of the hit and two attribution maps that look the same, one by the function of this notebook and one by "
        "iNNvestigate; the title says how far they differ, less than a ten-thousandth of the largest value.")

# %% [markdown]
# **What you should see.** Twice the same map, red where pixels spoke for an enlarged heart and blue where they spoke
# against it. (The colours follow the square root of the magnitude, so that weak parts can be seen.)
#
# How much of the logit has arrived at the film?

# %% tags=["demo"]
product = medxai.create_analyzer("input_t_gradient", checkpoint.model).analyze(films, target=ILL)
print(f"{'':13} {'hit':>7} {'other film':>11}   difference from input x gradient")
print(f"{'logit':13} {logits[0, ILL]:7.2f} {logits[1, ILL]:11.2f}")
for epsilon in (1e-7, 0.1):
    values = medxai.create_analyzer("lrp.epsilon", checkpoint.model, epsilon=epsilon).analyze(films, target=ILL)
    arrived, off = values.sum(axis=(1, 2, 3)), np.abs(values - product).max() / np.abs(product).max()
    print(f"epsilon {epsilon:<5g} {arrived[0]:7.2f} {arrived[1]:11.2f}   {off:.1%} of the largest value")

# %% [markdown]
# What arrives is not the logit. The difference went to the biases and, with the larger epsilon, to epsilon. What arrives
# may even be *more* than the logit, or have the other sign, where the biases spoke against the class. A network's biases take
# part in the answer, and no map of pixels shows them.
#
# ## 3. Rules that let only some contributions count
#
# **Deep Taylor** (Montavon et al. 2017) expands each unit around a point where it is zero, and arrives at a simple rule for
# hidden layers: only *positive* contributions get a share, biases get none. So nothing is negative, and as long as each unit
# has some positive contribution nothing is lost: the map shows how a positive logit is shared out. And a negative one?

# %% tags=["demo"]
deep_taylor = medxai.create_analyzer("deep_taylor", checkpoint.model)
print(f"{'film':11} {'class':13} {'logit':>6} {'sum of map':>11} {'largest':>9}")
for target, name in enumerate(test.classes):
    found = deep_taylor.analyze(films, target=target)
    for row, logit, one in zip(("hit", "other film"), logits[:, target], found):
        print(f"{row:11} {name:13} {logit:6.2f} {one.sum():11.2f} {np.abs(one).max():9.2g}")

# %% [markdown]
# Where the logit is negative the last layer has nothing positive to share out, and **the map is zero everywhere**. If a
# deep Taylor map is blank, nothing is broken. It says: this class did not get a positive logit.
#
# **LRP-alpha-beta** (Bach et al. 2015) keeps both signs, apart: the positive contributions share alpha times the relevance,
# the negative ones minus beta times, with alpha - beta = 1. With alpha 1 and beta 0 only what speaks for a unit counts;
# with alpha 2 and beta 1 what speaks against it is shown in blue. The **sequential presets** that iNNvestigate offers
# combine rules by the kind of layer:
#
# | preset | dense layers | convolutions | first layer |
# |---|---|---|---|
# | A flat | epsilon 0.1 | alpha 1, beta 0 | flat |
# | B flat | epsilon 0.1 | alpha 2, beta 1 | flat |
#
# *Flat* means: in the first layer a unit shares its relevance equally among all pixels of its window, whatever their values
# and weights. A black pixel then gets as much as a white one, and the map is smooth to the size of a window.
#
# ### Exercise: `alpha_beta`  (bonus, medium, 10 minutes)
#
# The rule for a dense layer without bias. Mind that a *contribution* is a product: a negative input times a negative
# weight speaks for the unit.
#
# <details><summary>Hint 1: the idea</summary>
# Make all products first, an array with axes films, inputs, units. Then treat its positive and its negative part each as
# in LRP-Z: a share is a part of its own side's sum.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `inputs[:, :, None] * weights` has shape (N, F, U). Sum over axis 1 with `keepdims=True`; a side that is empty must give
# 0, not 0/0. In the end multiply by `relevance[:, None, :]` and sum over the units.</details>

# %% nbgrader={"grade": false, "grade_id": "alpha_beta", "locked": false, "schema_version": 3, "solution": true, "task": false}
def alpha_beta(inputs, weights, relevance, alpha=2, beta=1):
    """Lead relevance back through a dense layer without bias by the alpha-beta rule.

    Parameters
    ----------
    inputs : float array, (N, F), of any sign
    weights : float array, (F, U)
    relevance : float array, (N, U)
    alpha, beta : float, alpha - beta = 1
        The positive contributions of a unit share alpha times its relevance, the negative ones -beta times. A side
        without contributions shares nothing.

    Returns
    -------
    float array, (N, F)

    Example
    -------
    Contributions 3, -2 and 1 share a relevance of 8: 3/4 and 1/4 of 16, and minus 8:

    >>> alpha_beta(np.array([[1.0, 2.0, 1.0]]), np.array([[3.0], [-1.0], [1.0]]), np.array([[8.0]]))
    array([[12., -8.,  4.]])
    """
    ### BEGIN SOLUTION
    products = inputs[:, :, None] * weights
    shares = 0.0
    for factor, side in ((alpha, np.maximum(products, 0)), (-beta, np.minimum(products, 0))):
        total = side.sum(axis=1, keepdims=True)
        shares = shares + factor * side / np.where(total == 0, 1, total)
    return (shares * relevance[:, None, :]).sum(axis=2)
    ### END SOLUTION

# %% tags=["check"]
checks.alpha_beta(alpha_beta)

# %% nbgrader={"grade": true, "grade_id": "alpha_beta-1", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Both sides share separately, and with alpha - beta = 1 nothing is lost (0 points).

# %% nbgrader={"grade": true, "grade_id": "alpha_beta-2", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# A unit with contributions of one sign only gives no NaN (0 points).

# %% tags=["demo"]
names = {"lrp.epsilon": "LRP-epsilon 1e-7", "deep_taylor": "deep Taylor", "lrp.sequential_preset_a_flat": "LRP preset A flat",
         "lrp.sequential_preset_b_flat": "LRP preset B flat"}
rules = {title: medxai.create_analyzer(name, checkpoint.model).analyze(films, target=ILL) for name, title in names.items()}
plots.show(plots.attribution_grid(stored, rules, rows),
           alt="The two films, each beside the maps of LRP-epsilon, deep Taylor, preset A and preset B for cardiomegaly. "
               "LRP-epsilon is fine grain of both signs; deep Taylor is red only and blank where the logit is negative; preset "
               "A draws smooth edges; preset B spots of both signs.")

# %% [markdown]
# Four rules, one network, one class. None of them is "the" relevance: each is what follows from its rule, and the rule was
# somebody's choice. Mind what is led back: the logit itself. In preset A the convolutions share out in positive parts
# only, so each area keeps the colour that its relevance had when it left the dense layers; where the logit is negative, expect
# much blue. Pixels there may well be what made the units fire *most*: the colour is that of the answer.
#
# ## 4. A trap: two analyzers in one graph
#
# You may want to use iNNvestigate without us, and you should know this. It builds its maps as graphs in TensorFlow's old
# style, by default all in one. Here is its own code, in a process of its own because it needs eager execution off: the map
# of preset B on one film, then an integrated-gradients analyzer is built and run, then preset B is built and run again on the
# same network and film. A second time everything happens in graphs of their own.

# %% tags=["demo"]
script = """
import os, warnings; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"; warnings.filterwarnings("ignore")
import numpy as np, tensorflow as tf, innvestigate
tf.compat.v1.disable_eager_execution(); L = tf.keras.layers

def network():
    x = film = L.Input((16, 16, 3), name="film")
    for n in (6, 8):
        x = L.MaxPooling2D()(L.Conv2D(n, 3, padding="same", activation="relu")(x))
    x = L.Dense(2)(L.Dense(10, activation="relu")(L.Flatten()(x)))
    model, rng = tf.keras.Model(film, x), np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model

def maps(name, model, **settings):
    film = np.random.default_rng(1).normal(size=(1, 16, 16, 3))
    made = innvestigate.create_analyzer(name, model, neuron_selection_mode="index", **settings)
    return made.analyze(film, neuron_selection=[1])
"""

# %% tags=["demo"]
script += """
B, IG = "lrp.sequential_preset_b_flat", "integrated_gradients"
model = network()
alone = maps(B, model); maps(IG, model, steps=8); after = maps(B, model)
print(f"one graph for all:    preset B changes by {np.abs(after - alone).max() / np.abs(alone).max():.3g} times its largest value")
results = []
for name, settings in ((B, {}), (IG, {"steps": 8}), (B, {})):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph).as_default():
        results.append(maps(name, network(), **settings))
print(f"a graph for each:     preset B changes by {np.abs(results[2] - results[0]).max() / np.abs(results[0]).max():.3g}")
print(f"preset B alone in the one graph, and in a graph of its own: a difference of {np.abs(alone - results[0]).max():.3g}")
"""
done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8")
print(done.stdout or done.stderr[-800:])

# %% [markdown]
# The second map in the shared graph is not that of preset B, and nothing warns you: it is a picture like any other. That is
# why `medxai.create_analyzer` gives each analyzer a graph and a copy of the network of its own, in one child process, and
# keeps it for the next call. The lesson is larger than this library: **make a map twice, the second time after everything
# else, and compare.**
#
# ## 5. Patterns: a weight is not a signal
#
# All rules so far send something back *through the weights*. Kindermans et al. (2017) object: weights are a **filter**.
# Their example has two inputs. The signal runs along (1, 0). A distractor, which says nothing about the answer, runs along
# another direction, and both are added:
#
# input = answer * (1, 0) + noise * distractor
#
# To read the answer off, weights must cancel the distractor, so they stand at a right angle to it. Look at what the best
# weights do when only the distractor turns:

# %% tags=["demo"]
def toy(distractor, strength=1.0):
    """Inputs (600, 2), and the weights that read the answer best."""
    answer, noise = np.random.default_rng(0).normal(size=(2, 300))
    answer, noise = np.tile(answer, 2), np.concatenate([noise, -noise]) * strength
    inputs = answer[:, None] * [1, 0] + noise[:, None] * distractor
    return inputs, np.linalg.lstsq(inputs, answer, rcond=None)[0]

def toy_axes(ax, inputs, title, arrows):
    ax.scatter(*inputs[::3].T, s=5, color="0.75")
    for label, (direction, colour, width) in arrows.items():
        ax.annotate("", direction, (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width})
        ax.plot([], [], color=colour, lw=width, label=label)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="input 1", ylabel="input 2")
    ax.set_title(title, fontsize=9)

fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for ax, distractor in zip(axes, [(1, 1), (0, 1), (-1, 1)]):
    inputs, weights = toy(distractor)
    toy_axes(ax, inputs, f"distractor {distractor}: weights ({weights[0]:.1f}, {weights[1].round(3) + 0:.1f})", {
        "signal": ((1, 0), plots.GREEN, 3), "distractor": (distractor, plots.GREY, 1.5), "weights": (weights, plots.VERMILION, 2)})
axes[0].legend(fontsize=8, loc="lower left")
plots.show(fig, alt="Three clouds of points with three arrows each. The signal's arrow points right in all of them. The "
           "distractor's turns from up-right over straight up to up-left, and the arrow of the weights turns with it: it "
           "is always at a right angle to the distractor, and only in the middle does it point along the signal.")

# %% [markdown]
# The gradient of this "network" is its weights. In the left panel it says that input 2 speaks *against* the answer. Input 2
# has never seen the answer. The **signal** is what we would like to draw.
#
# ### Exercise: `signal_direction`  (medium, 15 minutes)
#
# How do the inputs move when the output moves? That is a covariance, and the distractor drops out of it because it has
# nothing to do with the output. The direction of the signal is
#
# direction = covariance(inputs, output) / (weights · covariance(inputs, output))
#
# The denominator makes weights · direction = 1: one unit of output is this much input. A unit behind a ReLU is silent for
# some inputs, and those may be made quite differently: its answer does not depend on them. So take covariances **over the
# inputs that make it fire only**, weights · input + bias > 0, both means included. (The paper's formula can be read as if
# one of the two means went over all inputs; the authors' code takes both over those that fire, and so do we.)
#
# <details><summary>Hint 1: the idea</summary>
# Throw the silent inputs away first. What is left is a plain covariance of each input with the output: the mean of the
# product minus the product of the means.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `inputs @ weights` has shape (N,); one line gives the inputs that fire, one the covariance (F,), one the division. What
# if nothing fires?</details>

# %% nbgrader={"grade": false, "grade_id": "signal_direction", "locked": false, "schema_version": 3, "solution": true, "task": false}
def signal_direction(inputs, weights, bias):
    """The direction of the signal that a ReLU unit answers to.

    Parameters
    ----------
    inputs : float array, (N, F)
        What the unit was shown.
    weights : float array, (F,)
    bias : float
        The unit fires when weights . input + bias > 0.

    Returns
    -------
    float array, (F,)
        weights . direction = 1. All zeros for a unit that never fires.

    Example
    -------
    The output is input 1 minus input 2; what moves with it is input 1, while input 2 stays as it is on average:

    >>> inputs = np.array([[2.0, 1.0], [1.0, 0.0], [3.0, 1.0], [2.0, 0.0], [-1.0, 0.0]])
    >>> signal_direction(inputs, np.array([1.0, -1.0]), 0.0)
    array([1., 0.])
    """
    ### BEGIN SOLUTION
    fires = inputs @ weights + bias > 0
    if not fires.any():
        return np.zeros(len(weights))
    x = inputs[fires] - inputs[fires].mean(axis=0)
    covariance = x.T @ (x @ weights) / len(x)
    return covariance / (weights @ covariance)
    ### END SOLUTION

# %% tags=["check"]
checks.signal_direction(signal_direction)

# %% nbgrader={"grade": true, "grade_id": "signal_direction-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The signal is found, whatever the size and the mean of the distractor (2 points).

# %% nbgrader={"grade": true, "grade_id": "signal_direction-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Only inputs that make the unit fire count, bias included (1 point).

# %% nbgrader={"grade": true, "grade_id": "signal_direction-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Weights times direction is 1 with any number of inputs; a unit that never fires has direction 0 (1 point).

# %% tags=["demo"]
def found_signals():
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    for ax, distractor in zip(axes, [(1, 1), (0, 1), (-1, 1)]):
        inputs, weights = toy(distractor, strength=3.0)
        found = signal_direction(inputs, weights, 0.0)
        toy_axes(ax, inputs, f"distractor {distractor}, three times louder: ({found[0]:.2f}, {found[1].round(3) + 0:.2f})",
                 {"weights": (weights, plots.VERMILION, 2), "yours": (found, plots.BLUE, 3)})
    axes[0].legend(fontsize=8, loc="lower left")
    return fig

plots.yours_or_expected(found_signals, lambda: checks.signal_direction(signal_direction), "found_signals",
    alt="The three clouds again, stretched along a distractor three times as loud. The arrow of the weights turns with the "
        "distractor; the arrow of the estimated signal points right, along (1, 0), in all three.")

# %% [markdown]
# ### In a network
#
# **PatternNet** does this for every unit of every layer and sends the logit back through the directions instead of the
# weights: what comes out is the signal. **PatternAttribution** sends it through direction times weight: how much that
# signal added to the logit. Both must be *fitted*. We do that once, on training films, for both methods. Not on the films to
# be explained: a direction estimated from those few would fit their accidents, and a score on them would flatter. And once:
# fitted anew for each batch of films, the ruler would change between two measurements.

# %% tags=["demo"]
def patterns_of(training, count=64):
    """The patterns fitted on `count` films, evenly picked from a training set."""
    chosen = np.linspace(0, len(training) - 1, min(count, len(training))).astype(int)
    return fit_patterns(network, training.images[chosen], prepare=to_network_input)

train = data_fetch.fetch_cardiomegaly(split="train")
patterns = patterns_of(train)
shared = set(train.patients) & set(test.patients)
living = sum(int(alive.sum()) for alive in patterns.living().values())
units = sum(len(alive) for alive in patterns.living().values())
print(f"fitted on {patterns.films} training films; patients shared with the test films: {len(shared)}")
print(f"{living} of {units} units fired in them and have a direction; the others stay silent in the maps")
found = {name: medxai.create_analyzer(name, checkpoint.model, patterns=patterns).analyze(films, target=ILL)
         for name in ("pattern.net", "pattern.attribution")}
plots.show(plots.attribution_grid(stored, {"PatternNet": found["pattern.net"], "PatternAttribution": found["pattern.attribution"]}, rows),
           alt="The two films beside their maps by PatternNet, broad smooth areas of both colours, and by "
               "PatternAttribution, thin lines along edges, for the class cardiomegaly.")

# %% [markdown]
# Mind the signs. PatternNet draws a *signal*, so red and blue mean that it makes the film brighter or darker here, and not
# "for" and "against". And what is sent back is the logit: where it is negative, the map is turned over, blue for red.
#
# ## 6. Thirteen methods on two films
#
# | method | idea in one line | paper |
# |---|---|---|
# | gradient | how does the logit change with each pixel? | Simonyan 2013, arXiv 1312.6034 |
# | SmoothGrad | the mean gradient over noisy copies of the film | Smilkov 2017, arXiv 1706.03825 |
# | DeconvNet | backwards, ReLUs pass positive signals only | Zeiler 2013, arXiv 1311.2901 |
# | guided backprop | the same, and only at units that fire | Springenberg 2014, arXiv 1412.6806 |
# | deep Taylor | positive contributions share the logit | Montavon 2017, arXiv 1512.02479 |
# | input x gradient | pixel value times gradient | Shrikumar 2016, arXiv 1605.01713 |
# | integrated gradients | the mean gradient on the way from a reference, times the way | Sundararajan 2017, arXiv 1703.01365 |
# | LRP-Z, LRP-epsilon | contributions share the relevance; epsilon quiets weak units | Bach 2015, doi 10.1371/journal.pone.0130140 |
# | LRP preset A flat, B flat | a rule for each kind of layer | Lapuschkin 2017, arXiv 1708.07689 |
# | PatternNet, PatternAttribution | the signal, and what it added | Kindermans 2017, arXiv 1705.05598 |

# %% tags=["demo"]
NOISE = 0.005 * 255  # SmoothGrad: the level that 02a found the network's answer to stand
METHODS = {
    "gradient": ("gradient", {}), "SmoothGrad": ("smoothgrad", {"augment_by_n": 16, "noise_scale": NOISE}),
    "DeconvNet": ("deconvnet", {}), "guided backprop": ("guided_backprop", {}), "deep Taylor": ("deep_taylor", {}),
    "input x gradient": ("input_t_gradient", {}), "integrated gradients": ("integrated_gradients", {"steps": 16}),
    "LRP-Z": ("lrp.z", {}), "LRP-epsilon 0.1": ("lrp.epsilon", {"epsilon": 0.1}),
    "LRP preset A flat": ("lrp.sequential_preset_a_flat", {}), "LRP preset B flat": ("lrp.sequential_preset_b_flat", {}),
    "PatternNet": ("pattern.net", {}), "PatternAttribution": ("pattern.attribution", {}),
}

def explain(images, patterns):
    """The maps of all methods for stored films (N, H, W): a dict, name -> (N, H, W), colours summed."""
    ready, maps = to_network_input(images), {}
    for title, (name, settings) in METHODS.items():
        fitted = {"patterns": patterns} if name.startswith("pattern.") else {}
        analyzer = medxai.create_analyzer(name, checkpoint.model, **settings, **fitted)
        maps[title] = analyzer.analyze(ready, target=ILL).sum(axis=-1)
    return maps

thirteen = explain(stored, patterns)
plots.show(plots.attribution_grid(stored, thirteen, rows),
           alt="The two films and thirteen maps of each, in blocks of five, all on one signed scale, red positive and blue negative, for "
               "cardiomegaly. The gradient and its relatives are fine grain spread over the chest, guided backprop and deep "
               "Taylor draw edges, PatternNet broad areas.")

# %% [markdown]
# LRP-Z and input x gradient are the same picture, as section 2 promised. LRP-epsilon with 0.1 is not.
#
# The words at the colour bar fit the methods that share something out. A gradient (the first four) answers another question:
# red is where a *brighter* pixel would raise the logit. One scale does not make two methods mean the same.
#
# The lesson that this lab grew from compared three methods on a film that was found and one that was missed. Its search for
# the missed film stored the row under another name, so it showed the same film twice. Here they are larger, and two films:

# %% tags=["demo"]
def larger(names, height=6.2):
    fig, axes = plt.subplots(2, 1 + len(names), figsize=(3.1 * (1 + len(names)), height), layout="constrained")
    for n, line in enumerate(axes):
        plots.film(stored[n], rows[n].replace("\n", ", probability "), line[0])
        for ax, name in zip(line[1:], names):
            plots.attribution(plots.signed(thirteen[name])[n], name, ax)
    fig.suptitle(f"{test.classes[ILL]}: red positive, blue negative, each map by its own largest value", fontsize=10)
    return fig

plots.show(larger(["guided backprop", "LRP preset B flat", "PatternNet"]),
           alt="Upper row the hit, lower row the other film: the film itself, guided backprop, LRP preset B flat and PatternNet. "
               "Guided backprop draws thin edges, preset B spots of both signs, PatternNet broad areas.")

# %% [markdown]
# **Before you go on.** Cover the left column. Could you tell from the maps which film was missed, and why? Along which
# edges do the methods agree: the borders of the heart, where a radiographer measures, or others? Write your guess down. The
# honest next question is not which map looks best, but **which one is right**, and for that we need a truth.
#
# ## 7. Which method found the heart?
#
# Cardiomegaly is defined by the heart's width. On phantoms we know where the heart is, to the pixel. So a score can be
# defined: which share of a map's magnitude lies inside the heart? A large heart gets a large share by its area alone, so
# divide by the share of the area. That is the **lift**: 1 is what a map has that is the same everywhere.
#
# Is a lift of 2 good, then? Hearts lie in the middle of films. So we add three **null baselines** that never saw the network:
# a Gaussian in the middle of the film; the film itself, taken as a map; and noise.
#
# ### Exercise: `score_methods`  (medium, 15 minutes)
#
# Score all methods and the three null baselines, with your own code. A map's magnitude counts, for and against alike. A
# blank map has found nothing: lift 0.
#
# <details><summary>Hint 1: the idea</summary>
# Write the lift of a stack of maps once, then call it sixteen times: put the three baselines into a copy of the dict first.
# Sum over rows and columns, never over films.</details>
#
# <details><summary>Hint 2: the shape</summary>
# `(size * masks).sum(axis=(1, 2))` has shape (N,); `masks.mean(axis=(1, 2))` is the share of the area. The Gaussian is
# exp(-(dy² / sy² + dx² / sx²) / 2) with distances from the middle, ((H - 1) / 2, (W - 1) / 2); sy = H / 4, sx = W /
# 4.</details>

# %% nbgrader={"grade": false, "grade_id": "score_methods", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score_methods(maps, films, masks, seed=0):
    """The lift of every method and of three null baselines.

    Parameters
    ----------
    maps : dict, name -> float array (N, H, W)
        Signed maps, of any scale. Not changed.
    films : uint8 array, (N, H, W)
        The stored films, 0 to 255.
    masks : bool array, (N, H, W)
        True inside the heart; no mask is empty.
    seed : int
        Of the random baseline.

    Returns
    -------
    dict, name -> float array (N,)
        For each film: the share of the map's magnitude inside the heart, divided by the share of the area inside; 0 for a
        map that is zero everywhere. For the names in `maps` and for "centred Gaussian" (standard deviation a quarter of each
        side), "the film itself" and "random" (uniform noise).

    Example
    -------
    Half of a map's magnitude in a heart that fills a quarter of the film: a lift of 2.
    """
    ### BEGIN SOLUTION
    down, across = (np.exp(-(((np.arange(n) - (n - 1) / 2) / (n / 4)) ** 2) / 2) for n in masks.shape[1:])
    noise = np.random.default_rng(seed).uniform(size=masks.shape)
    baselines = {"centred Gaussian": np.tile(np.outer(down, across), (len(masks), 1, 1)), "the film itself": films, "random": noise}
    lifts = {}
    for name, values in {**maps, **baselines}.items():
        size = np.abs(np.asarray(values, float))
        whole = size.sum(axis=(1, 2))
        shares = (size * masks).sum(axis=(1, 2)) / np.where(whole > 0, whole, 1)
        lifts[name] = shares / masks.mean(axis=(1, 2))
    return lifts
    ### END SOLUTION

# %% tags=["check"]
checks.score_methods(score_methods)

# %% nbgrader={"grade": true, "grade_id": "score_methods-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The lift is the share of the magnitude over the share of the area, film by film (2 points).

# %% nbgrader={"grade": true, "grade_id": "score_methods-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The three null baselines are there and are what they are called (1 point).

# %% nbgrader={"grade": true, "grade_id": "score_methods-3", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Signs do not cancel, scale does not matter, a blank map has lift 0 (1 point).

# %% [markdown]
# ### The league
#
# Twenty-four films with an enlarged heart, found or not, evenly picked from the test films. Real films come without heart
# masks: if you work on those, this section takes phantoms, and says so.

# %% tags=["demo"]
league_set = test if test.masks is not None else data_fetch.fetch_cardiomegaly(split="test", source="phantom")
ill = np.flatnonzero(league_set.labels == ILL)
ill = ill[np.linspace(0, len(ill) - 1, 24).astype(int)]
hearts, patients, ill_films = league_set.masks["heart"][ill].astype(bool), league_set.patients[ill], league_set.images[ill]
league_patterns = patterns
if league_set is not test:
    print("Your films have no masks, so these are phantoms, and the patterns were fitted again on phantoms for training.")
    league_patterns = patterns_of(data_fetch.fetch_cardiomegaly(split="train", source="phantom"))
print(f"{len(ill)} films of {len(set(patients))} patients; the heart fills {hearts.mean():.1%} of a film, "
      f"so no lift can be larger than {(1 / hearts.mean(axis=(1, 2))).mean():.1f} on average")
league_maps = explain(ill_films, league_patterns)

# %% tags=["demo"]
def league():
    lifts = score_methods(league_maps, ill_films, hearts, seed=0)
    table = [(name, *metrics.mean_interval(values, patients)[:3]) for name, values in lifts.items()]
    table.sort(key=lambda row: -row[1])
    ax = plots.intervals(table, "mean lift, 95 % interval over patients")
    ax.axvline(1, color=plots.GREY, ls=":")
    for label in ax.get_yticklabels():
        label.set_color("black" if label.get_text() in METHODS else plots.VERMILION)
    return ax.figure

plots.yours_or_expected(league, lambda: checks.score_methods(score_methods), "league",
    alt="Mean lift with its interval for thirteen methods and three null baselines, sorted from high to low; the baselines' names "
        "are in another colour, and a dotted line marks a lift of 1. The random baseline lies on that line.")

# %% tags=["demo"]
everything = {**league_maps, **localisation.null_baselines(ill_films, seed=0)}
lifts = {name: localisation.lift(values, hearts) for name, values in everything.items()}
lines = {}
for name in sorted(lifts, key=lambda name: -lifts[name].mean()):
    ahead = metrics.mean_interval(lifts[name] - lifts["centred Gaussian"], patients)
    verdict = "above it" if ahead.low > 0 else "below it" if ahead.high < 0 else "not told apart"
    lines[name] = {"lift": lifts[name].mean().round(2), "peak in the heart": localisation.pointing_hits(everything[name], hearts).mean().round(2),
                   "lift minus Gaussian": f"{ahead.value:+.2f} ({ahead.low:+.2f} to {ahead.high:+.2f})",
                   "against the Gaussian": "-" if name == "centred Gaussian" else verdict}
pd.DataFrame(lines).T

# %% [markdown]
# **How to read this.** First look for the names in the other colour: a method below the centred Gaussian is beaten by a
# picture that never saw the network or the film. Then at the last column: overlapping intervals of two methods decide
# nothing, but the *differences on the same films* do. Look at "peak in the heart" too. That is the **pointing game**: does
# the strongest pixel of a map lie in the right place, yes or no? It need not agree with the lift. Last, compare "gradient"
# with "input x gradient". The second is the first times the film as the network reads it. How much of its lift did the
# network earn, and how much the film?
#
# Fifteen rows were compared with one Gaussian, on two dozen films. Some difference will look clear by luck; a league to be
# printed would need more films and a correction for many comparisons.
#
# **A lift scores the model and the method together.** Suppose that a network reads the disease off the *edge* of the lungs, or
# off a marker in the corner. Then a perfectly faithful map has a low lift, and a map that paints the heart would lie. The
# other way round, the centred Gaussian has a fair lift and explains nothing. What a good lift means depends on knowing
# that the network uses the heart, and this you find out by intervening, not by looking (lab 03).
#
# ## What these maps do not tell you
#
# - **What the network would do if the film were different.** Relevance shares out *this* answer; it predicts nothing.
# - **The share of the biases** and, with epsilon, what was swallowed: neither is in the picture.
# - **Strength across films.** Every map is scaled by its own largest value. A strong map and a faint one look alike.
# - **Which rule is the right one.** Different rules conserve the same logit in different ways.
# - **Whether the patient is ill.** A map explains the network's answer, right or wrong, in the same colours.
#
# ## Recap
#
# - LRP shares a logit out backwards; LRP-Z is input x gradient, epsilon and alpha-beta make it something else.
# - Deep Taylor is blank where the logit is negative. State the class, the logit's sign and the rule beside every map.
# - Weights filter, patterns show the signal; patterns are learned, so they are fitted on training films, once.
# - A shared graph can change a map silently. Make it twice.
# - A score needs a null baseline, an interval over patients and a caveat: it judges model and method together.

# %% [markdown] nbgrader={"grade": true, "grade_id": "choose_a_method", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### Reflection: `choose_a_method`  (4 points, marked by a person, 15 minutes)
#
# A radiology department wants **one** kind of map beside each call of this network. Which of the thirteen would you offer,
# if any? Answer in about ten sentences: your choice and the numbers from *your* league that speak for it (with intervals,
# and against the null baselines); what your map of the missed film could and could not tell a reader; which property of the
# method you would warn of; and what you would measure before anybody relies on it.
#
# ### BEGIN SOLUTION
# *Model answer.* I would offer [method X], with reservations. On 24 phantoms its mean lift was a.a (b.b to c.c over
# patients), d.d above the centred Gaussian on the same films (e.e to f.f), so it says more about the heart than a picture
# that never saw the film; its strongest pixel lay in the heart in g of 24 films. (Or: I would offer none, because no method
# was clearly above the Gaussian.) On the missed film the map shows what little spoke for the class, and what spoke against
# it, but not why the network weighed it so, nor that the film was missed; with a rule such as deep Taylor it would be
# blank, because the logit is negative. I would warn that every map is scaled by its own largest value, so that a weak
# answer looks as sure as a strong one, that biases are not shown, and that the picture depends on the rule (epsilon, alpha,
# beta), which must be printed beside it. Lift scores network and method together: on a network that reads a tag, a faithful
# map would score badly. Before anybody relies on it: real films of this hospital with hearts drawn by radiologists, a test
# whether the map changes when the network's weights are randomised, an intervention that shows that the network uses the
# heart, and a reader study that asks whether doctors decide better with the map than without.
#
# *Rubric.* 1 point: a choice (or a refusal) argued with numbers, intervals and a null baseline from the own notebook. 1
# point: what the missed film's map can and cannot tell, with the sign of the logit or the class asked about taken into
# account. 1 point: a true and specific limit of the method chosen (rule, scale, bias, fitting, noise), not "maps can be
# wrong". 1 point: says that lift judges model and method together, or an equivalent, and names a concrete next measurement.
# ### END SOLUTION

# %% [markdown]
# ## Further reading
#
# - S. Bach et al.: On pixel-wise explanations for non-linear classifier decisions by layer-wise relevance propagation. PLOS
#   ONE 10(7), 2015, doi 10.1371/journal.pone.0130140.
# - G. Montavon et al.: Explaining nonlinear classification decisions with deep Taylor decomposition. Pattern Recognition 65,
#   2017, arXiv 1512.02479.
# - M. Ancona et al.: Towards better understanding of gradient-based attribution methods for deep neural networks. ICLR 2018,
#   arXiv 1711.06104. Shows when LRP, input x gradient and others are the same.
# - S. Lapuschkin et al.: Understanding and comparing deep neural networks for age and gender classification. 2017, arXiv
#   1708.07689.
# - P.-J. Kindermans et al.: Learning how to explain neural networks: PatternNet and PatternAttribution. ICLR 2018, arXiv
#   1705.05598.
# - M. Alber et al.: iNNvestigate neural networks! JMLR 20(93), 2019, arXiv 1808.04260.
#
# **Next:** lab 03 asks what a network with a perfect score has really learned.
