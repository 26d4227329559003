"""The formula as it is written: exp of a large logit is infinite.

loses: mean_cross_entropy-2
told: exp(1000) is infinite
"""
def mean_cross_entropy(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(labels)), labels]).mean())
