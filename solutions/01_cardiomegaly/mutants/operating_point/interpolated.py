"""A quantile between two scores: not the highest threshold, and none that a film has.

loses: operating_point-1
told: the highest threshold
"""
def operating_point(val_labels, val_scores, test_labels, test_scores, wanted):
    threshold = np.quantile(val_scores[val_labels == 1], 1 - wanted) - 0.01
    called = test_scores >= threshold
    sensitivity = called[test_labels == 1].mean()
    specificity = 1 - called[test_labels == 0].mean()
    return threshold, sensitivity, specificity
