"""The source's own mistake: the argument is ignored, because one size was enough there.

loses: upsample-1, upsample-2
told: Is a size hard-coded in the function?
"""
def upsample(maps, size):
    return tf.image.resize(maps[..., None], (128, 128)).numpy()[..., 0]
