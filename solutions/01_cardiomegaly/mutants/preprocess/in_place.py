"""Right numbers, but the films themselves are changed on the way: the second run sees other films.

loses: preprocess-2
told: changed the films
"""
def preprocess(films):
    blue = np.asarray(films, dtype=np.float32)
    blue -= 103.939
    return np.stack([blue, blue - (116.779 - 103.939), blue - (123.68 - 103.939)], axis=-1)
