"""The quantile of all films, not of the positive ones: that fixes the share called, not the sensitivity.

loses: operating_point-1
told: the highest threshold
"""
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    threshold = np.sort(val_scores)[::-1][int(np.ceil(wanted * len(val_scores) - 1e-9)) - 1]
    called = test_scores >= threshold
    sensitivity = called[test_labels == 1].mean()
    specificity = 1 - called[test_labels == 0].mean()
    return threshold, sensitivity, specificity
