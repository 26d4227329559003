"""The channel axis is put where other libraries have it.

loses: preprocess-1, preprocess-2
told: The three channels come last
"""
def preprocess(films):
    grey = np.asarray(films, dtype=np.float32)[:, None]
    return grey - np.array([103.939, 116.779, 123.68], dtype=np.float32)[:, None, None]
