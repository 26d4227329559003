"""Each batch is drawn anew from all films, as the original lesson drew its test batches.

loses: batch_order-1, batch_order-3
told: all of yours hold 2
"""
def batch_order(count, batch_size, steps, seed):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, count, batch_size) for _ in range(steps)]
