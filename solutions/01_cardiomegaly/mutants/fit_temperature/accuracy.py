"""Minimises the share of wrong calls, which no temperature changes.

loses: fit_temperature-1, fit_temperature-2
told: should be log(8/2)
"""
def fit_temperature(labels, logits):
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(log_temperature):
        z = logits / np.exp(log_temperature)
        return np.mean(z.argmax(axis=1) != labels)

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))
