"""Films are drawn as if each were a patient of its own.

loses: bootstrap_interval-1
told: draw patients
"""
def bootstrap_interval(labels, scores, patients, resamples, level, seed):
    rng = np.random.default_rng(seed)
    rows = None
    values = []
    while len(values) < resamples:
        chosen = rng.integers(0, len(labels), len(labels))
        if labels[chosen].min() == labels[chosen].max():
            continue
        values.append(metrics.auroc(labels[chosen], scores[chosen]))
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
