"""Each group against its own negatives: rows differ by their negatives as well, and the cue hides again.

loses: subgroup_table-1, subgroup_table-3
told: the negatives are shared
"""
def subgroup_table(labels, scores, patients, groups, resamples, seed):
    rows = {}
    for group in np.unique(groups):
        chosen = groups == group
        positives, negatives = int((labels[chosen] == 1).sum()), int((labels[chosen] == 0).sum())
        row = (np.nan, np.nan, np.nan)
        if positives and negatives:
            row = tuple(metrics.bootstrap_interval(labels[chosen], scores[chosen], patients[chosen], resamples=resamples, seed=seed))
        rows[str(group)] = (positives, negatives, *row)
    return rows
