"""Drawn instead of dealt, with the right sizes: it looks like epochs and is none.

loses: batch_order-1
told: do not draw
"""
def batch_order(count, batch_size, steps, seed):
    rng = np.random.default_rng(seed)
    order, left = [], count
    for _ in range(steps):
        take = min(batch_size, left)
        order.append(rng.integers(0, count, take))
        left = left - take or count
    return order
