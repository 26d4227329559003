"""Chosen on the very films on which it is then reported.

loses: operating_point-1, operating_point-2
told: chosen on the test films
"""
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    positive = np.sort(test_scores[test_labels == 1])[::-1]
    threshold = positive[int(np.ceil(wanted * len(positive) - 1e-9)) - 1]
    called = test_scores >= threshold
    sensitivity = called[test_labels == 1].mean()
    specificity = 1 - called[test_labels == 0].mean()
    return threshold, sensitivity, specificity
