"""The layer is thought to have no bias of its own, as layers before a BatchNorm often have.

loses: fold_layer-1, fold_layer-2
told: own bias is lost
"""
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, beta - mean * scale
