"""Written with the weight matrix, as on paper: a convolution has none.

loses: lrp_epsilon-2
told: with a convolution
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    weights = layer.get_weights()
    kernel, bias = weights[0], weights[1] if len(weights) > 1 else 0
    sums = inputs @ kernel + bias
    handed = relevance / (sums + epsilon * np.where(sums >= 0, 1, -1))
    return inputs * (handed @ kernel.T)
