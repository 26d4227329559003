"""The last, smaller batch is dropped, as many frameworks do by default.

loses: batch_order-1, batch_order-3
told: dropped
"""
def batch_order(count, batch_size, steps, seed):
    rng = np.random.default_rng(seed)
    order = []
    while len(order) < steps:
        pack = rng.permutation(count)
        if batch_size > count:
            order.append(pack)
        for start in range(0, count - batch_size + 1, batch_size):
            order.append(pack[start:start + batch_size])
    return order[:steps]
