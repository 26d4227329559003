"""The winning class: a score with two values, whose ROC curve has one corner.

loses: score_films-1
told: classes, not probabilities
"""
def score_films(network, films, batch_size):
    z = np.concatenate([network(films[i:i + batch_size]) for i in range(0, len(films), batch_size)])
    return z.argmax(axis=1)
