"""Splits the weights by sign instead of the products: wrong wherever an input is negative.

loses: alpha_beta-1
told: Split the products
"""
def alpha_beta(inputs, weights, relevance, alpha=2, beta=1):
    parts = inputs[:, :, None] * weights
    plus, minus = inputs[:, :, None] * np.maximum(weights, 0), inputs[:, :, None] * np.minimum(weights, 0)
    for_it = plus / np.maximum(plus.sum(axis=1, keepdims=True), 1e-12)
    against = minus / np.minimum(minus.sum(axis=1, keepdims=True), -1e-12)
    return ((alpha * for_it - beta * against) * relevance[:, None, :]).sum(axis=2)
