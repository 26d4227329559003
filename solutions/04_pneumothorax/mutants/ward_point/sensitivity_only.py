"""The answer of lab 01b: the highest threshold that reaches the floor. Alarms are not looked at.

loses: ward_point-1, ward_point-3
told: it is the highest that reaches the minimum
"""
def ward_point(labels, scores, prevalence, films_per_day, most_alarms, least_sensitivity):
    positive = np.sort(scores[labels == 1])[::-1]
    t = positive[max(int(np.ceil(least_sensitivity * len(positive) - 1e-9)) - 1, 0)]
    called = scores >= t
    found, false = called[labels == 1].mean(), called[labels == 0].mean()
    hits, wrong = films_per_day * prevalence * found, films_per_day * (1 - prevalence) * false
    return t, found, hits + wrong, hits / (hits + wrong)
