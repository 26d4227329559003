"""Forgets to leave out the other groups' positives.

loses: subgroup_table-1, subgroup_table-3
told: each group has 2 positives
"""
def subgroup_table(labels, scores, patients, groups, resamples, seed):
    rows = {}
    for group in np.unique(groups):
        interval = metrics.bootstrap_interval(labels, scores, patients, resamples=resamples, seed=seed)
        rows[str(group)] = (int((labels == 1).sum()), int((labels == 0).sum()), *interval)
    return rows
