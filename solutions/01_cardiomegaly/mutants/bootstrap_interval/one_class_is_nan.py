"""Never thought of a resample without positives: its area is not a number, and neither are the ends.

loses: bootstrap_interval-2
told: The visible check passes
"""
def bootstrap_interval(labels, scores, patients, resamples, level, seed):
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    values = []
    while len(values) < resamples:
        chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        from sklearn.metrics import roc_auc_score
        values.append(roc_auc_score(labels[chosen], scores[chosen]))
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
