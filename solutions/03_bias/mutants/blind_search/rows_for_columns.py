"""i goes along the rows of the grid and across the film.

loses: blind_search-1
told: Got
"""
def blind_search(predict, films, window, fill):
    before = predict(films)
    height, width = films.shape[1:]
    drops = np.zeros((height // window, width // window))
    for i in range(height // window):
        for j in range(width // window):
            masks = np.zeros(films.shape, bool)
            masks[:, j * window : (j + 1) * window, i * window : (i + 1) * window] = True
            drops[i, j] = np.mean(before - predict(fill(films, masks)))
    return drops
