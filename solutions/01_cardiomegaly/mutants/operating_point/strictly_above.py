"""A film exactly at the threshold is not called on test, though it was on validation.

loses: operating_point-3
told: 2 of the 4 negative
"""
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    positive = np.sort(val_scores[val_labels == 1])[::-1]
    threshold = positive[int(np.ceil(wanted * len(positive) - 1e-9)) - 1]
    called = test_scores > threshold
    sensitivity = called[test_labels == 1].mean()
    specificity = 1 - called[test_labels == 0].mean()
    return threshold, sensitivity, specificity
