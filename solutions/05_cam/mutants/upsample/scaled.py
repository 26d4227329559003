"""Divides each map by its own largest value on the way, 'for display'.

loses: upsample-1, upsample-2
told: should become -8, -6, -2, 0
"""
def upsample(maps, size):
    large = tf.image.resize(maps[..., None], size).numpy()[..., 0]
    return 4 * large / np.abs(large).max(axis=(1, 2), keepdims=True)
