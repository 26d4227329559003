"""The negative part is added instead of taken away.

loses: alpha_beta-1, alpha_beta-2
told: minus beta
"""
def alpha_beta(inputs, weights, relevance, alpha=2, beta=1):
    parts = inputs[:, :, None] * weights
    plus, minus = np.maximum(parts, 0), np.minimum(parts, 0)
    for_it = plus / np.maximum(plus.sum(axis=1, keepdims=True), 1e-12)
    against = minus / np.minimum(minus.sum(axis=1, keepdims=True), -1e-12)
    return ((alpha * for_it + beta * against) * relevance[:, None, :]).sum(axis=2)
