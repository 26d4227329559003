"""Right numbers, but the kernel that was given is scaled itself: the second run scales it again.

loses: fold_layer-1
told: changed the arrays
"""
def fold_layer(kernel, bias, gamma, beta, mean, variance, epsilon):
    scale = gamma / np.sqrt(variance + epsilon)
    kernel *= scale
    return kernel, (bias - mean) * scale + beta
