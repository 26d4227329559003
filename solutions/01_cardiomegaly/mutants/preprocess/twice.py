"""The library's function is called on top of the student's own subtraction, as when a cell is run twice.

loses: preprocess-1
told: subtracted twice
"""
def preprocess(films):
    grey = np.asarray(films, dtype=np.float32)[..., None]
    x = grey - np.array([103.939, 116.779, 123.68], dtype=np.float32)
    return (x - np.array([103.939, 116.779, 123.68], dtype=np.float32)).astype(np.float32)
