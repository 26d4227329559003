"""The library's order of colours is taken for granted: these networks read blue first.

loses: preprocess-1
told: red, green, blue
"""
def preprocess(films):
    grey = np.asarray(films, dtype=np.float32)[..., None]
    return grey - np.array([123.68, 116.779, 103.939], dtype=np.float32)
