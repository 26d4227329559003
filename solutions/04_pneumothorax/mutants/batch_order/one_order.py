"""Shuffled once, then the same order in every epoch.

loses: batch_order-2
told: Shuffle again
"""
def batch_order(count, batch_size, steps, seed):
    pack = np.random.default_rng(seed).permutation(count)
    starts = list(range(0, count, batch_size))
    return [pack[starts[i % len(starts)]:][:batch_size] for i in range(steps)]
