"""Alarms are counted at the share of ill films in the set at hand, in which half are ill, not one in twenty.

loses: ward_point-1, ward_point-2, ward_point-3
told: the number of alarms was overestimated
"""
def ward_point(labels, scores, prevalence, films_per_day, most_alarms, least_sensitivity):
    prevalence = labels.mean()
    best = None
    for t in np.unique(scores)[::-1]:
        called = scores >= t
        found, false = called[labels == 1].mean(), called[labels == 0].mean()
        hits = films_per_day * prevalence * found
        alarms = hits + films_per_day * (1 - prevalence) * false
        if alarms <= most_alarms + 1e-9 and (best is None or found > best[1]):
            best = t, found, alarms, hits / alarms
    return best if best is not None and best[1] >= least_sensitivity else None
