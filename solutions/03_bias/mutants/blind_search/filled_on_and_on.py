"""Windows are never taken back: at the end of the loop the whole film is filled.

loses: blind_search-1
told: Is each window filled in the original films?
"""
def blind_search(predict, films, window, fill):
    before = predict(films)
    height, width = films.shape[1:]
    drops = np.zeros((height // window, width // window))
    filled = films
    for i in range(height // window):
        for j in range(width // window):
            masks = np.zeros(films.shape, bool)
            masks[:, i * window : (i + 1) * window, j * window : (j + 1) * window] = True
            filled = fill(filled, masks)
            drops[i, j] = np.mean(before - predict(filled))
    return drops
