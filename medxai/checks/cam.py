"""Visible checks of lab 05. Each calls the student's function on inputs small enough to work out by hand.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property and the likely mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# ---- 05a ------------------------------------------------------------------------------------------------------------


def my_boxes(f: Callable[..., Any]) -> str:
    """Check `my_boxes()`: your box on each of the twenty films."""
    from medxai.lab import boxes

    got = f()
    if isinstance(got, list | tuple):
        raise AssertionError("my_boxes: return a dict, film number: (x, y, width, height), as the widget writes it.")
    try:
        values = [float(v) for box in dict(got).values() for v in box]
    except (TypeError, ValueError):
        values = []
    if values and max(values) > 100:
        raise AssertionError(
            f"my_boxes: a coordinate is {max(values):g}. Boxes are in per cent of the film, from 0 to 100, not in pixels."
        )
    try:
        found = boxes.check(got)
    except ValueError as error:
        raise AssertionError(
            f"my_boxes: {error} Are the last two numbers width and height, rather than the opposite corner?"
        ) from None
    missing = [str(n) for n in range(1, 21) if n not in found]
    if missing:
        raise AssertionError(
            f"my_boxes: {20 - len(missing)} of 20 films have a box. Still to do: film {', '.join(missing)}. "
            "If you see nothing, guess: the methods have to guess too."
        )
    if len(found) > 20:
        raise AssertionError(f"my_boxes: expected 20 boxes, for films 1 to 20, got {len(found)}.")
    if len(set(found.values())) < 10:
        raise AssertionError("my_boxes: most boxes are the same. Look at each film: the point is what *you* see.")
    return "my_boxes: all twenty boxes are there, and nothing else is graded. Now you may look at the maps."


def extract(f: Callable[..., Any]) -> str:
    """Check `extract(model, films)`: the ingredients of a class activation map."""
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # suppresses retracing warnings, as several small networks are called here
    layers = tf.keras.layers
    x = film = layers.Input((6, 4, 1), name="film")
    a = layers.Conv2D(3, 3, padding="same", activation="relu", name="first")(x)
    b = layers.Conv2D(3, 3, padding="same", activation="relu", name="second")(a)
    total = layers.Add(name="both")([a, b])
    x = layers.GlobalAveragePooling2D(name="average")(total)
    model = tf.keras.Model(film, layers.Dense(2, activation="softmax", name="answer")(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    films = rng.normal(size=(5, 6, 4, 1)).astype("float32")
    kernel, bias = model.get_layer("answer").get_weights()
    got = f(model, films)
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise AssertionError("extract: return three arrays: the feature maps, the dense weights and the dense bias.")
    features, weights, offset = (np.asarray(values, float) for values in got)
    right, last = (tf.keras.Model(film, t)(films).numpy() for t in (total, model.get_layer("second").output))
    if features.shape == (5, 3):
        raise AssertionError(
            "extract: these are the averages, (5, 3). Return what goes *into* the global average, with its positions."
        )
    if features.shape != right.shape:
        raise AssertionError(
            f"extract: 5 films of 6 x 4 positions and 3 detectors must give features (5, 6, 4, 3), got {features.shape}. "
            + (
                "Did you take only the first film, or squeeze the batch axis away?"
                if features.size < right.size
                else ""
            )
        )
    if np.allclose(features, last, atol=1e-5):
        raise AssertionError(
            "extract: this is the output of the last convolution. Here a layer comes between it and the average: look "
            "for the input of the global average, not for the last Conv2D."
        )
    if not np.allclose(features, right, atol=1e-4):
        raise AssertionError("extract: the features are not the input of the global average pooling layer.")
    if weights.shape == (2, 3):
        raise AssertionError("extract: the weights are transposed; Keras stores them as (detectors, classes), (3, 2).")
    if weights.shape != kernel.shape or offset.shape != bias.shape:
        raise AssertionError(
            f"extract: expected weights (3, 2) and bias (2,) of the dense layer, got {weights.shape} and {offset.shape}."
        )
    if not (np.allclose(weights, kernel) and np.allclose(offset, bias)):
        raise AssertionError("extract: the weights and bias are not those of the last dense layer.")
    return "extract: correct on this example. The hidden checks use other networks, with other names and layers."


def compute_cam(f: Callable[..., Any]) -> str:
    """Check `compute_cam(features, weights, target)`: class activation maps of a batch."""
    features = np.array([[[[1.0, 0.0], [1.0, 3.0]]]])
    weights = np.array([[2.0, 0.5], [-1.0, 0.5]])
    before = features.copy()
    cam = np.asarray(f(features, weights, 0), float)
    if cam.shape != (1, 1, 2):
        raise AssertionError(
            f"compute_cam: the map of 1 film of 1 x 2 positions must have shape (1, 1, 2), got {cam.shape}. "
            + ("Did you squeeze the batch axis away?" if cam.ndim < 3 else "Which axis should the weighted sum remove?")
        )
    if not np.array_equal(features, before):
        raise AssertionError("compute_cam: your function changed the features it was given. Make a new array instead.")
    if np.allclose(cam, [[[2.0, 0.0]]]):
        raise AssertionError(
            "compute_cam: the second position should be -1: evidence against the class is evidence too. Is there a ReLU in "
            "your sum?"
        )
    if np.allclose(cam, [[[0.5, 2.0]]]):
        raise AssertionError(
            "compute_cam: this is the map of class 1, expected that of class 0. Where is `target` used?"
        )
    if not np.allclose(cam, [[[2.0, -1.0]]]):
        raise AssertionError(
            "compute_cam: by hand, the two positions are 2*1 - 1*0 = 2 and 2*1 - 1*3 = -1, got "
            f"{cam.ravel().round(3).tolist()}."
        )
    return "compute_cam: correct on this example. The hidden checks use other shapes, classes and films."


def upsample(f: Callable[..., Any]) -> str:
    """Check `upsample(maps, size)`: maps enlarged to the size of a film: bilinear, half-pixel centres."""
    maps = np.array([[[0.0, 4.0]], [[-8.0, 0.0]]])
    before = maps.copy()
    tall = np.asarray(f(maps, (3, 4)), float)
    if not np.array_equal(maps, before):
        raise AssertionError("upsample: your function changed the maps it was given.")
    if tall.shape == (2, 4, 3):
        raise AssertionError("upsample: the size is (height, width), so 2 maps become (2, 3, 4), got (2, 4, 3).")
    if tall.shape != (2, 3, 4):
        raise AssertionError(
            f"upsample: for the size (3, 4), 2 maps become (2, 3, 4), got {tall.shape}. "
            "Is a size hard-coded in the function? It is an argument."
        )
    row, against = tall[0, 1], tall[1, 1]
    likely = {
        (0.0, 4 / 3, 8 / 3, 4.0): "your first and last cell are pinned to the corners of the film; a cell's value "
        "belongs to its *centre*, a quarter of the film from the edge",
        (0.0, 0.0, 4.0, 4.0): "each cell is copied. Between two centres the value should change linearly",
        (0.0, 2.0, 4.0, 4.0): "your map is shifted: pixel i has its centre at i + 0.5, and so has cell i",
    }
    for wrong, why in likely.items():
        if np.allclose(row, wrong, atol=1e-3):
            raise AssertionError(f"upsample: {why}.")
    if row.min() < -1e-6 or row.max() > 4 + 1e-6:
        raise AssertionError(
            f"upsample: cells of 0 and 4 gave {row.min():.3g} to {row.max():.3g}. Linear interpolation never overshoots; is "
            "this cubic?"
        )
    if not np.allclose(row, [0, 1, 3, 4], atol=1e-4):
        raise AssertionError(
            "upsample: cells of 0 and 4 have their centres at 0.5 and 1.5, so four pixels become 0, 1, 3, 4; got "
            f"{row.round(3).tolist()}."
        )
    if not np.allclose(against, [-8, -6, -2, 0], atol=1e-4):
        raise AssertionError(
            f"upsample: the second map should become -8, -6, -2, 0, got {against.round(3).tolist()}. Keep the sign, and "
            "do not rescale any map."
        )
    return "upsample: correct on this example. The hidden checks use other sizes, enlarged in both directions."


def overlay(f: Callable[..., Any]) -> str:
    """Check `overlay(film, cam, limit, hot, cold)`: a film overlaid with its map, as RGB."""
    film = np.array([[0, 100, 200]], np.uint8)
    cam = np.array([[2.0, 0.0, -1.0]])
    hot, cold = (1.0, 0.25, 0.0), (0.0, 0.5, 1.0)
    before = film.copy(), cam.copy()
    got = np.asarray(f(film, cam, 2.0, hot, cold))
    if not (np.array_equal(film, before[0]) and np.array_equal(cam, before[1])):
        raise AssertionError("overlay: your function changed the film or the map it was given.")
    if got.shape != (1, 3, 3):
        raise AssertionError(f"overlay: a film of 1 x 3 pixels must give an RGB picture (1, 3, 3), got {got.shape}.")
    if got.dtype.kind in "ui" or got.max() > 1.5:
        raise AssertionError(
            f"overlay: expected floats from 0 to 1, got {got.dtype} up to {got.max():g}. Divide the film by 255 first."
        )
    if not np.allclose(got[0, 1], 100 / 255, atol=1e-3):
        if np.allclose(got[0, 1], 155 / 255, atol=1e-3):
            raise AssertionError("overlay: the film is inverted. Bone stays white.")
        raise AssertionError(
            "overlay: where the map is 0, the film must show through unchanged, grey 100 / 255 = 0.392; got "
            f"{got[0, 1].round(3).tolist()}. No evidence, no colour."
        )
    if np.allclose(got[0, 0], cold, atol=1e-3):
        raise AssertionError(
            "overlay: the strongest evidence *for* the class has the cold colour. Hot is for the maximum."
        )
    if not np.allclose(got[0, 0], hot, atol=1e-3):
        raise AssertionError(
            f"overlay: at the limit, the hot colour covers the film: expected {list(hot)}, got "
            f"{got[0, 0].round(3).tolist()}."
        )
    expected = 0.5 * 200 / 255 + 0.5 * np.array(cold)
    if not np.allclose(got[0, 2], expected, atol=1e-3):
        raise AssertionError(
            "overlay: -1 with a limit of 2 is half the cold colour and half the film: expected "
            f"{expected.round(3).tolist()}, got {got[0, 2].round(3).tolist()}."
        )
    wide = np.asarray(f(film, cam, 4.0, hot, cold))
    if np.allclose(wide, got, atol=1e-3):
        raise AssertionError(
            "overlay: with a limit of 4 instead of 2 nothing changes. Is the map divided by its own largest value? Then "
            "films cannot be compared."
        )
    beyond = np.asarray(f(film, 10 * cam, 2.0, hot, cold))
    if beyond.min() < -1e-6 or beyond.max() > 1 + 1e-6 or not np.allclose(beyond[0, 0], hot, atol=1e-3):
        raise AssertionError("overlay: values beyond the limit must look like the limit. Clip the share at 1.")
    return "overlay: correct on this example. The hidden checks use other films, limits and colours."


# ---- 05b ------------------------------------------------------------------------------------------------------------


def pointing_game(f: Callable[..., Any]) -> str:
    """Check `pointing_game`: is each map's strongest evidence for the class inside the finding?"""
    maps, masks = np.zeros((6, 5, 7)), np.zeros((6, 5, 7), bool)
    masks[:4, 1:3, 1:3] = True  # film 4 has no mask
    masks[5, 0, 0] = True
    maps[0, 1, 2] = 3.0  # inside
    maps[0, 4, 6] = -9.0  # stronger, but against
    maps[1, 2, 4] = 1.0  # two pixels away from the mask
    maps[2, 1, 1] = maps[2, 4, 4] = 2.0  # a tie, one inside and one outside
    maps[3] = -1.0  # no evidence for the class, and the weakest evidence against it in the mask
    maps[3, 1, 1] = -0.5
    maps[4, 0, 0] = 1.0
    before = maps.copy(), masks.copy()
    got, wide = (np.asarray(f(maps, masks, tolerance), float) for tolerance in (0, 2))
    if not (np.array_equal(maps, before[0]) and np.array_equal(masks, before[1])):
        raise AssertionError("pointing_game: your function changed the maps or the masks.")
    if got.shape != (6,):
        raise AssertionError(
            f"pointing_game: expected one result for each of 6 films, got shape {got.shape}. The mean is taken later."
        )
    if not np.isnan(got[4]):
        raise AssertionError(
            f"pointing_game: film 4 has an empty mask, so it cannot be hit and is excluded: expected NaN, got {got[4]:g}."
        )
    if np.isnan(got[[0, 1, 2, 3, 5]]).any():
        raise AssertionError("pointing_game: NaN is only for empty masks; a map without evidence is a miss, 0.")
    if got[0] != 1:
        raise AssertionError(
            "pointing_game: in film 0 the maximum is in the mask, but you return a miss. The strongest evidence *against* "
            "the class is elsewhere: is a magnitude taken?"
        )
    if got[1] != 0:
        raise AssertionError("pointing_game: in film 1 the maximum is outside the mask: with tolerance 0 a miss.")
    if got[2] != 0:
        raise AssertionError(
            "pointing_game: in film 2 two pixels share the maximum and one is outside the mask: an ambiguous map is a "
            "miss. `argmax` returns only the first of them."
        )
    if got[3] != 0 or got[5] != 0:
        raise AssertionError(
            "pointing_game: films 3 and 5 have nothing above zero. A map without evidence for the class points nowhere: "
            "a miss, whatever the mask."
        )
    if wide[1] != 1:
        raise AssertionError("pointing_game: with a tolerance of 2 pixels film 1, which is 2 pixels off, is a hit.")
    if not np.array_equal(wide[[0, 2, 3, 5]], got[[0, 2, 3, 5]]) or not np.isnan(wide[4]):
        raise AssertionError(
            "pointing_game: a tolerance of 2 turns film 1 into a hit and changes no other: blank maps still miss, an "
            "empty mask is still excluded. The distance is Euclidean: 2 down and 2 across is 2.83."
        )
    return "pointing_game: correct on this example. The hidden checks use other shapes, ties and tolerances."


def overlap(f: Callable[..., Any]) -> str:
    """Check `overlap(maps, masks, threshold)`: intersection over union of each map's region with its mask."""
    maps = np.zeros((3, 1, 7))
    maps[0, 0] = 3.0, 3.0, 2.0, 2.0, 0.0, -5.0, 0.0
    maps[1, 0, :2] = 0.2, 0.1
    maps[2] = 4.0
    masks = np.zeros((3, 1, 7), bool)  # film 2 has none
    masks[0, 0, [0, 4, 6]] = masks[1, 0, :2] = True
    got = np.asarray(f(maps, masks, 2.0), float)
    if got.shape != (3,):
        raise AssertionError(
            f"overlap: expected one overlap for each of 3 films, got shape {got.shape}. The mean is taken later."
        )
    if not np.isnan(got[2]):
        raise AssertionError(f"overlap: film 2 has an empty mask and is excluded: expected NaN, got {got[2]:g}.")
    likely = {
        2
        / 7: "this is the Dice index, twice the intersection over the sum of the areas; return intersection over union",
        1 / 4: "a pixel at the threshold belongs to the region, as do those above it",
        1 / 7: "the strongest pixels *against* the class do not belong to the region; do not take magnitudes",
        1 / 3: "this is the share of the mask that was found, which would be perfect for a map that is hot everywhere",
    }
    if not np.isclose(got[0], 1 / 6):
        why = next((text for value, text in likely.items() if np.isclose(got[0], value)), None)
        raise AssertionError(
            "overlap: in film 0 one pixel is in both and six are in at least one: expected 1/6, got "
            f"{got[0]:.3f}." + (f" Likely mistake: {why}." if why else "")
        )
    if not np.isclose(got[1], 0):
        raise AssertionError(
            f"overlap: in film 1 nothing reaches the threshold, so nothing overlaps: expected 0, got {got[1]:.3f}. The "
            "threshold is in the map's own units, not a share of each film's maximum."
        )
    return "overlap: correct on this example. The hidden checks use other films and thresholds."


def choose_threshold(f: Callable[..., Any]) -> str:
    """Check `choose_threshold`: a threshold chosen on validation films, and its overlap on test films."""

    def score(maps: np.ndarray, masks: np.ndarray, threshold: float) -> np.ndarray:
        """A stand-in for your overlap: best where the threshold equals the value of the maps."""
        return np.where(masks.any(axis=(1, 2)), 1 - np.abs(maps[:, 0, 0] - threshold) / 10, np.nan)

    masks = np.ones((3, 1, 1), bool)
    masks[2] = False
    validation = np.full((3, 1, 1), 4.0), masks
    test = np.array([6.0, 5.0, 9.0]).reshape(3, 1, 1), masks
    got = f(score, validation, test, [1.0, 4.0, 5.5, 8.0])
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise AssertionError("choose_threshold: return two numbers, the threshold and the mean overlap on test.")
    threshold, value = (float(np.asarray(v)) for v in got)
    if np.isclose(threshold, 5.5):
        raise AssertionError("choose_threshold: 5.5 is best on *test*. Choices are made on validation films.")
    if np.isclose(threshold, 1.0) and np.isnan(value):
        raise AssertionError("choose_threshold: films with an empty mask are NaN; leave them out of the mean.")
    if not np.isclose(threshold, 4.0):
        raise AssertionError(
            f"choose_threshold: on validation, 4 is the best candidate, got {threshold:g}. Films with an empty mask "
            "are NaN: does your mean leave them out? And do you return the candidate itself?"
        )
    if np.isnan(value):
        raise AssertionError("choose_threshold: the overlap on test is NaN. Leave out the films with an empty mask.")
    if np.isclose(value, 1.0):
        raise AssertionError("choose_threshold: 1.0 is the overlap on validation. Report the one on test.")
    if not np.isclose(value, 0.85):
        raise AssertionError(
            f"choose_threshold: with 4 the test films have 0.8 and 0.9, so the mean is 0.85; got {value:.3f}."
        )
    first = float(np.asarray(f(score, validation, test, [5.0, 3.0])[0]))
    if not np.isclose(first, 5.0):
        raise AssertionError("choose_threshold: where two candidates are equally good, take the first of them.")
    return "choose_threshold: correct on this example. The hidden checks use other scores and candidates."


def logit_parts(f: Callable[..., Any]) -> str:
    """Check `logit_parts(maps, regions)`: each region's contribution to the logit."""
    maps = np.array([[[4.0, 8.0, -2.0, 2.0]], [[0.0, 4.0, 0.0, 0.0]]])
    air = np.array([[[True, True, False, False]], [[True, False, False, False]]])
    drain = np.array([[[False, True, True, False]], [[False, False, False, False]]])
    got = f(maps.copy(), {"air": air, "drain": drain})
    if not isinstance(got, dict) or set(got) != {"air", "drain", "elsewhere"}:
        raise AssertionError(
            'logit_parts: return a dict with the names of the regions, in their order, and "elsewhere" for the rest.'
        )
    got = {name: np.asarray(values, float) for name, values in got.items()}
    if any(values.shape != (2,) for values in got.values()):
        raise AssertionError("logit_parts: expected one number for each film in each region, shape (2,).")
    if np.isclose(got["air"][0], 6.0) or np.isnan(got["drain"][1]):
        raise AssertionError(
            "logit_parts: this is the mean inside the region. A part of the logit is the region's sum divided by the number "
            "of pixels of the whole *film*; otherwise the parts do not add up."
        )
    if np.isclose(got["air"][0], 12.0):
        raise AssertionError("logit_parts: this is the sum. The logit is a mean: divide by the pixels of the film.")
    if np.isclose(got["drain"][0], 1.5):
        raise AssertionError(
            "logit_parts: one pixel of film 0 is in both regions and is counted twice. It belongs only to the first of "
            "them."
        )
    for name, wanted in {"air": [3.0, 0.0], "drain": [-0.5, 0.0], "elsewhere": [0.5, 1.0]}.items():
        if not np.allclose(got[name], wanted):
            raise AssertionError(
                f"logit_parts: {name} should be {wanted}, got {got[name].round(3).tolist()}. Keep the signs, and do not "
                "mix films."
            )
    return "logit_parts: correct on this example. The hidden checks use other regions, and more or fewer of them."


def failures(f: Callable[..., Any]) -> str:
    """Check `failures(scores, hits, threshold, count)`: two kinds of films to look at, the clearest first."""
    scores = np.array([0.9, 0.2, 0.8, 0.5, 0.1, 0.95, 0.99])
    hits = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, np.nan])
    got = f(scores, hits, 0.5, 2)
    if not isinstance(got, dict) or set(got) != {"wrong place", "not called"}:
        raise AssertionError('failures: return a dict with "wrong place" and "not called".')
    place, silent = ([int(row) for row in got[name]] for name in ("wrong place", "not called"))
    if 6 in place + silent:
        raise AssertionError("failures: film 6 has no mask (NaN), so it is unknown whether its map points right.")
    if len(place) > 2 or len(silent) > 2:
        raise AssertionError("failures: return at most `count` films of each kind.")
    if place == [3, 0]:
        raise AssertionError("failures: put the surest mistakes first: sort the called films from high to low.")
    if place != [5, 0]:
        raise AssertionError(
            "failures: the films that are called (0.5 or more) but point to the wrong place are 5, 0, 3, surest first; of "
            f"these return the first two, got {place}."
        )
    if silent != [4, 1]:
        raise AssertionError(
            f"failures: the films that are not called although the map points right are 4, 1, lowest first; got {silent}."
        )
    if 3 not in [int(row) for row in f(scores, hits, 0.5, 9)["wrong place"]]:
        raise AssertionError(
            "failures: film 3 scores exactly the threshold, and a score at the threshold counts as called."
        )
    return "failures: correct on this example. This exercise has no points."
