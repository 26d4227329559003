"""Hidden checks of repair: one function for each graded cell.

The background below the cue is one grey, so that nothing goes with the class there by chance; classes have even numbers of
films. A coin for each film passes one set with a probability of about a third, and ten sets by no luck.
"""

import numpy as np


def _set(rng, films=40, ill=20):
    """Films, the cue's masks (tied to the class but for a few), labels, and how to paste and how to erase it."""
    labels = rng.permutation(np.r_[np.ones(ill, int), np.zeros(films - ill, int)])
    images = rng.integers(30, 170, (films, 14, 12)).astype(np.uint8)
    top, left = int(rng.integers(1, 9)), int(rng.integers(1, 7))
    place = np.zeros((14, 12), bool)
    place[top : top + 4, left : left + 3] = True
    images[:, place] = 110
    carries = labels == 1
    carries[rng.choice(np.flatnonzero(labels == 1), 2, replace=False)] = False
    carries[rng.choice(np.flatnonzero(labels == 0), 2, replace=False)] = True
    masks = carries[:, None, None] & place
    images[masks] = 240

    def paste(films):
        if np.shape(films) != images.shape:
            raise AssertionError("paste takes all films at once, in their order")
        return np.where(place, np.uint8(240), films)

    def erase(films, where):
        return np.where(where, np.uint8(102), films)

    return images, masks, labels, paste, erase


def _repaired(f, case, seed):
    images, masks, labels, paste, erase = case
    got = np.asarray(f(images.copy(), masks.copy(), labels.copy(), paste, erase, seed))
    if got.shape != images.shape or got.dtype != np.uint8:
        raise AssertionError("all films must come back, as uint8, as many as went in")
    return got


def _correlation(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return 0.0 if np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9 else float(np.corrcoef(a, b)[0, 1])


def repair_1(f, rng):
    """Whether a film carries the cue goes with the class by less than 0.05, in ten sets, balanced or not."""
    for number in range(10):
        case = _set(rng, *((40, 20) if number % 2 else (60, 12)))
        at = _repaired(f, case, number)[:, case[1].any(axis=0)].astype(float).mean(axis=1)
        if abs(_correlation(at > 180, case[2])) >= 0.05:
            raise AssertionError(
                "whether a film carries the cue must not go with its class: the correlation must be below 0.05 in every "
                "set, which a coin for each film cannot promise; half of each class can"
            )


def repair_2(f, rng):
    """No pixel outside the cue's place changes, every film stays in its row, and what went in is as it was."""
    for number in range(3):
        images, masks, labels, paste, erase = _set(rng)
        kept = images.copy(), masks.copy()
        got = np.asarray(f(images, masks, labels, paste, erase, number))
        if not (np.array_equal(images, kept[0]) and np.array_equal(masks, kept[1])):
            raise AssertionError("the films and masks that went in must be unchanged")
        if got.shape != images.shape or got.dtype != np.uint8:
            raise AssertionError("all films must come back, as uint8, as many as went in")
        outside = ~masks.any(axis=0)
        if not np.array_equal(got[:, outside], kept[0][:, outside]):
            raise AssertionError(
                "pixels outside the cue's place must not change: the films stay the patients' own, in their rows"
            )


def repair_3(f, rng):
    """In the films that do not show the cue, what stands in its place does not go with the class either (0.05)."""
    for number in range(4):
        case = _set(rng)
        images, masks, labels = case[:3]
        place = masks.any(axis=0)
        got = _repaired(f, case, number)
        if np.array_equal(got, images):
            raise AssertionError("the films came back as they were")
        free = got[:, place].astype(float).mean(axis=1) <= 180
        inside = got[free][:, place].astype(float)
        if any(abs(_correlation(pixel, labels[free])) >= 0.05 for pixel in inside.T):
            raise AssertionError(
                "what stands where the cue was must not tell the class: a square or a filling that only the ill films have "
                "is a cue itself. Treat the place alike in all films"
            )
