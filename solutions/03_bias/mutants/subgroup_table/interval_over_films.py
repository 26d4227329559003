"""Every film counts as a patient of its own: the intervals are far too narrow.

loses: subgroup_table-2
told: The visible check passes
"""
def subgroup_table(labels, scores, patients, groups, resamples, seed):
    rows = {}
    for group in np.unique(groups):
        chosen = (labels == 0) | (groups == group)
        positives, negatives = int((labels[chosen] == 1).sum()), int((labels == 0).sum())
        row = (np.nan, np.nan, np.nan)
        if positives and negatives:
            row = tuple(metrics.bootstrap_interval(labels[chosen], scores[chosen], np.arange(chosen.sum()), resamples=resamples, seed=seed))
        rows[str(group)] = (positives, negatives, *row)
    return rows
