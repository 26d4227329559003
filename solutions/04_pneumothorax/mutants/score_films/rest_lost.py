"""The number of batches is rounded down: the last films have no score.

loses: score_films-1, score_films-2
told: the last batch is lost
"""
def score_films(network, films, batch_size):
    parts = [np.asarray(network(films[i * batch_size:(i + 1) * batch_size])) for i in range(len(films) // batch_size)]
    z = np.concatenate(parts) if parts else np.zeros((0, 2))
    return 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
