"""In the order of the files: all films of a patient, or of a class, in one batch.

loses: batch_order-2
told: in the order of the files
"""
def batch_order(count, batch_size, steps, seed):
    starts = list(range(0, count, batch_size))
    return [np.arange(count)[starts[i % len(starts)]:][:batch_size] for i in range(steps)]
