"""A smoother curve, which overshoots: evidence that no cell had.

loses: upsample-1, upsample-2
told: Linear interpolation never overshoots
"""
def upsample(maps, size):
    return tf.image.resize(maps[..., None], size, method='bicubic').numpy()[..., 0]
