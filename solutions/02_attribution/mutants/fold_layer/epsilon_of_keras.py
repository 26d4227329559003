"""Keras' default epsilon is typed in and the argument ignored.

loses: fold_layer-1, fold_layer-2
told: epsilon is an argument
"""
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + 1e-3)
    return kernel * scale, (bias - mean) * scale + beta
