"""The threshold that every tutorial uses.

loses: operating_point-1, operating_point-2
told: 0.5 is a habit
"""
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    threshold = 0.5
    called = test_scores >= threshold
    sensitivity = called[test_labels == 1].mean()
    specificity = 1 - called[test_labels == 0].mean()
    return threshold, sensitivity, specificity
