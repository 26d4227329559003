"""Beta is put inside the brackets and scaled with the rest.

loses: fold_layer-1, fold_layer-2
told: beta is scaled too
"""
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, (bias - mean + beta) * scale
