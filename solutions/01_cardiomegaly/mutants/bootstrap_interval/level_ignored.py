"""2.5 and 97.5 per cent, whatever level is asked for.

loses: bootstrap_interval-3
told: The visible check passes
"""
def bootstrap_interval(labels, scores, patients, resamples, level, seed):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    values = []
    while len(values) < resamples:
        chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        if labels[chosen].min() == labels[chosen].max():
            continue
        values.append(metrics.auroc(labels[chosen], scores[chosen]))
    return tuple(np.quantile(values, [0.025, 0.975]))
