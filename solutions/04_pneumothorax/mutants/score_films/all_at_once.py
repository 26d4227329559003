"""Everything in one call: quick on small films, and out of memory on large ones.

loses: score_films-2
told: at most 2 were allowed
"""
def score_films(network, films, batch_size):
    z = np.asarray(network(films))
    return 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
