"""The largest logit of the batch is taken off, not that of each film: a film with small logits underflows.

loses: mean_cross_entropy-2
told: not a finite number
"""
def mean_cross_entropy(logits, labels):
    z = logits - logits.max()
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]))
