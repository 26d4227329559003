"""Packs are joined to one long stream and cut into equal batches: a batch across two epochs can hold a film twice.

loses: batch_order-3
told: from the next epoch
"""
def batch_order(count, batch_size, steps, seed):
    rng = np.random.default_rng(seed)
    stream = np.concatenate([rng.permutation(count) for _ in range(2 + steps * batch_size // count)])
    return [stream[i * batch_size:(i + 1) * batch_size] for i in range(steps)]
