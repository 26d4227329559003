"""The variance is taken for the standard deviation.

loses: fold_layer-1, fold_layer-2
told: divides by its square root
"""
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / (variance + epsilon)
    return kernel * scale, (bias - mean) * scale + beta
