"""Every cell becomes a square: nearest neighbour.

loses: upsample-1
told: each cell is copied
"""
def upsample(maps, size):
    return tf.image.resize(maps[..., None], size, method='nearest').numpy()[..., 0]
