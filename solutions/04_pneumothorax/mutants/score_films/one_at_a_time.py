"""One film a call, as in the original lesson: slow.

loses: score_films-2
told: One film at a time is slow
"""
def score_films(network, films, batch_size):
    z = np.array([np.asarray(network(films[i:i + 1]))[0] for i in range(len(films))])
    return 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
