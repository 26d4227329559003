"""All patients are drawn once: every resample is the data again.

loses: bootstrap_interval-1, bootstrap_interval-2, bootstrap_interval-3
told: with replacement
"""
def bootstrap_interval(labels, scores, patients, resamples, level, seed):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    values = []
    while len(values) < resamples:
        chosen = np.concatenate([rows[i] for i in rng.permutation(len(rows))])
        if labels[chosen].min() == labels[chosen].max():
            continue
        values.append(metrics.auroc(labels[chosen], scores[chosen]))
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
