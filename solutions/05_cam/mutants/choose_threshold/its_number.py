"""Returns which candidate it was, not the threshold.

loses: choose_threshold-1
told: do you return the candidate itself
"""
def choose_threshold(overlap_of, validation, test, candidates):
    means = [np.nanmean(overlap_of(*validation, t)) for t in candidates]
    best = int(np.argmax(means))
    return best, np.nanmean(overlap_of(*test, candidates[best]))
