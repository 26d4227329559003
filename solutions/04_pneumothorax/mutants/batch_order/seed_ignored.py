"""A generator without the seed: no run can be repeated.

loses: batch_order-2
told: the same seed gave different batches
"""
def batch_order(count, batch_size, steps, seed):
    rng = np.random.default_rng()
    order, pack = [], []
    for _ in range(steps):
        if not len(pack):
            pack = rng.permutation(count)
        order.append(pack[:batch_size])
        pack = pack[batch_size:]
    return order
