"""Films without a mask count as misses.

loses: failures-1
told: it is unknown whether
"""
def failures(scores, hits, threshold, count):
    called = scores >= threshold
    rows, quiet = np.flatnonzero(called & (hits != 1)), np.flatnonzero(~called & (hits == 1))
    return {"wrong place": rows[np.argsort(-scores[rows], kind="stable")][:count], "not called": quiet[np.argsort(scores[quiet], kind="stable")][:count]}
