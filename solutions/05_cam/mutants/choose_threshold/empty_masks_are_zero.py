"""NaN counts as 0: the mean falls with every healthy film.

loses: choose_threshold-2
told: with 4 the test films have
"""
def choose_threshold(overlap_of, validation, test, candidates):
    means = [(lambda v: np.nan_to_num(v).mean())(overlap_of(*validation, t)) for t in candidates]
    best = int(np.argmax(means))
    return candidates[best], (lambda v: np.nan_to_num(v).mean())(overlap_of(*test, candidates[best]))
