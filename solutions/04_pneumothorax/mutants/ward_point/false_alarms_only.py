"""Only the false alarms are counted against the limit, but somebody looks at the true ones too.

loses: ward_point-1, ward_point-2, ward_point-3
told: these are the false alarms
"""
def ward_point(labels, scores, prevalence, films_per_day, most_alarms, least_sensitivity):
    best = None
    for t in np.unique(scores)[::-1]:
        called = scores >= t
        found, false = called[labels == 1].mean(), called[labels == 0].mean()
        hits = films_per_day * prevalence * found
        alarms = films_per_day * (1 - prevalence) * false
        if alarms <= most_alarms + 1e-9 and (best is None or found > best[1]):
            best = t, found, alarms, hits / (hits + alarms)
    return best if best is not None and best[1] >= least_sensitivity else None
