"""Takes the last of equally good candidates.

loses: choose_threshold-1
told: take the first of them
"""
def choose_threshold(overlap_of, validation, test, candidates):
    means = [np.nanmean(overlap_of(*validation, t)) for t in candidates]
    best = max(range(len(means)), key=lambda i: (means[i], i))
    return candidates[best], np.nanmean(overlap_of(*test, candidates[best]))
