"""Divides each map by its own largest value on the way, 'for display'.

loses: upsample-1, upsample-2
told: should become -4, -3, -1, 0|
"""
def upsample(maps, size):
    large = tf.image.resize(maps[..., None], size).numpy()[..., 0]
    return 4 * large / large.max(axis=(1, 2), keepdims=True).clip(1e-9)
