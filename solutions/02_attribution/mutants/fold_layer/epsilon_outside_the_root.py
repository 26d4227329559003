"""Epsilon is added to the root, as in other normalisations.

loses: fold_layer-2
told: under the root
"""
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / (np.sqrt(variance) + epsilon)
    return kernel * scale, (bias - mean) * scale + beta
