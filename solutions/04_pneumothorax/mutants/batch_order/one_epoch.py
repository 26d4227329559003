"""Stops when the pack is empty.

loses: batch_order-1, batch_order-2, batch_order-3
told: stop after one epoch
"""
def batch_order(count, batch_size, steps, seed):
    pack = np.random.default_rng(seed).permutation(count)
    return [pack[start:start + batch_size] for start in range(0, count, batch_size)][:steps]
