"""A score at the threshold is not called.

loses: failures-1
told: a score at the threshold counts as called
"""
def failures(scores, hits, threshold, count):
    called = scores > threshold
    rows, quiet = np.flatnonzero(called & (hits == 0)), np.flatnonzero(~called & (hits == 1))
    return {"wrong place": rows[np.argsort(-scores[rows], kind="stable")][:count], "not called": quiet[np.argsort(scores[quiet], kind="stable")][:count]}
