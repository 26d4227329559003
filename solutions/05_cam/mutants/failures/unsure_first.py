"""Sorts the called films from low to high: the gallery shows borderline cases and hides the sure mistakes.

loses: failures-2
told: the surest mistakes first
"""
def failures(scores, hits, threshold, count):
    called = scores >= threshold
    rows, quiet = np.flatnonzero(called & (hits == 0)), np.flatnonzero(~called & (hits == 1))
    return {"wrong place": rows[np.argsort(scores[rows], kind="stable")][:count], "not called": quiet[np.argsort(scores[quiet], kind="stable")][:count]}
