"""A group without positives gets 0.5, which reads like a measurement.

loses: subgroup_table-3
told: The visible check passes
"""
def subgroup_table(labels, scores, patients, groups, resamples, seed):
    rows = {}
    for group in np.unique(groups):
        chosen = (labels == 0) | (groups == group)
        positives, negatives = int((labels[chosen] == 1).sum()), int((labels == 0).sum())
        row = (0.5, 0.5, 0.5)
        if positives:
            row = tuple(metrics.bootstrap_interval(labels[chosen], scores[chosen], patients[chosen], resamples=resamples, seed=seed))
        rows[str(group)] = (positives, negatives, *row)
    return rows
