"""The sigmoid of one logit: right for networks with one output, wrong for a softmax over two.

loses: score_films-1
told: needs both logits
"""
def score_films(network, films, batch_size):
    z = np.concatenate([network(films[i:i + batch_size]) for i in range(0, len(films), batch_size)])
    return 1 / (1 + np.exp(-z[:, 1]))
