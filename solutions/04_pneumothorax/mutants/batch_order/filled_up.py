"""The last batch of an epoch is filled up with films of its beginning.

loses: batch_order-1, batch_order-3
told: filled up
"""
def batch_order(count, batch_size, steps, seed):
    rng = np.random.default_rng(seed)
    order = []
    while len(order) < steps:
        pack = rng.permutation(count)
        for start in range(0, count, batch_size):
            order.append(np.resize(pack, count + batch_size)[start:start + batch_size])
    return order[:steps]
