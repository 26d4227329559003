"""The first column, which is "no pneumothorax", as in the original lesson.

loses: score_films-1
told: column 0
"""
def score_films(network, films, batch_size):
    z = np.concatenate([network(films[i:i + batch_size]) for i in range(0, len(films), batch_size)])
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True))[:, 0]
