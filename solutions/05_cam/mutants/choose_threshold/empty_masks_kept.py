"""A plain mean: one film without a mask makes everything NaN.

loses: choose_threshold-1, choose_threshold-2
told: films with an empty mask are NaN
"""
def choose_threshold(overlap_of, validation, test, candidates):
    means = [np.mean(overlap_of(*validation, t)) for t in candidates]
    best = int(np.argmax(means))
    return candidates[best], np.mean(overlap_of(*test, candidates[best]))
