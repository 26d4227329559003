"""Drops and rises alike: a window that makes films look healthier cannot be told from one that makes them ill.

loses: blind_search-1
told: The visible check passes
"""
def blind_search(predict, films, window, fill):
    before = predict(films)
    height, width = films.shape[1:]
    drops = np.zeros((height // window, width // window))
    for i in range(height // window):
        for j in range(width // window):
            masks = np.zeros(films.shape, bool)
            masks[:, i * window : (i + 1) * window, j * window : (j + 1) * window] = True
            drops[i, j] = np.mean(np.abs(before - predict(fill(films, masks))))
    return drops
