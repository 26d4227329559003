"""Probabilities are clipped to keep the logarithm finite: a film that is very wrong costs no more than one that is wrong.

loses: mean_cross_entropy-2
told: clipped forget how wrong
"""
def mean_cross_entropy(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = np.clip(e / e.sum(axis=1, keepdims=True), 1e-12, 1.0)
    return float(-np.log(p[np.arange(len(labels)), labels]).mean())
