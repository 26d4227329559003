"""Divides by a sum that may be empty.

loses: alpha_beta-2
told: The visible check passes
"""
def alpha_beta(inputs, weights, relevance, alpha=2, beta=1):
    parts = inputs[:, :, None] * weights
    plus, minus = np.maximum(parts, 0), np.minimum(parts, 0)
    shares = alpha * plus / plus.sum(axis=1, keepdims=True)
    if beta:
        shares = shares - beta * minus / minus.sum(axis=1, keepdims=True)
    return np.nansum(shares * relevance[:, None, :], axis=2) if not beta else (shares * relevance[:, None, :]).sum(axis=2)
