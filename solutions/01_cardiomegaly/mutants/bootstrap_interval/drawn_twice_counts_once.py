"""np.isin forgets how often a patient was drawn.

loses: bootstrap_interval-1
told: A patient drawn twice must count twice
"""
def bootstrap_interval(labels, scores, patients, resamples, level, seed):
    rng = np.random.default_rng(seed)
    unique = np.unique(patients)
    values = []
    while len(values) < resamples:
        chosen = np.flatnonzero(np.isin(patients, rng.choice(unique, len(unique))))
        if labels[chosen].min() == labels[chosen].max():
            continue
        values.append(metrics.auroc(labels[chosen], scores[chosen]))
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
