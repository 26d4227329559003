"""Reports the sensitivity on validation, which was chosen to be what it is.

loses: operating_point-3
told: report that of the test films
"""
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    positive = np.sort(val_scores[val_labels == 1])[::-1]
    threshold = positive[int(np.ceil(wanted * len(positive) - 1e-9)) - 1]
    called = test_scores >= threshold
    sensitivity = called[test_labels == 1].mean()
    specificity = 1 - called[test_labels == 0].mean()
    return threshold, (val_scores >= threshold)[val_labels == 1].mean(), specificity
