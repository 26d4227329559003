"""Never cuts the list: a gallery of two hundred films is no gallery.

loses: failures-2
told: at most `count` films
"""
def failures(scores, hits, threshold, count):
    called = scores >= threshold
    rows, quiet = np.flatnonzero(called & (hits == 0)), np.flatnonzero(~called & (hits == 1))
    return {"wrong place": rows[np.argsort(-scores[rows], kind="stable")], "not called": quiet[np.argsort(scores[quiet], kind="stable")]}
