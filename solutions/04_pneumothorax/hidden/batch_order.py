"""Hidden checks of batch_order: one function for each graded cell."""

import numpy as np

SIZES = (
    (47, 6),
    (60, 10),
    (9, 20),
    (33, 1),
)  # films, batch size: with a rest, without one, larger than the pack, single


def batches_of(f, count, batch_size, steps, seed):
    got = f(count, batch_size, steps, seed)
    if not isinstance(got, list | tuple):
        raise AssertionError("the answer must be a list with an array of film numbers for each step")
    return [np.atleast_1d(np.asarray(batch)) for batch in got]


def per_epoch(count, batch_size):
    return -(-count // batch_size)


def batch_order_1(f, rng):
    """In each epoch every film comes exactly once: the films that are dealt, cut into packs."""
    for count, batch_size in SIZES:
        got = batches_of(f, count, batch_size, 3 * per_epoch(count, batch_size), int(rng.integers(10_000)))
        dealt = np.concatenate(got)
        if len(dealt) < 3 * count:
            raise AssertionError("three epochs deal out every film three times; here films are missing")
        for epoch in range(3):
            pack = np.sort(dealt[epoch * count : (epoch + 1) * count])
            if not np.array_equal(pack, np.arange(count)):
                raise AssertionError(
                    "in an epoch some film came twice or never: shuffle the pack and deal it out, without drawing again"
                )


def batch_order_2(f, rng):
    """Each epoch has an order of its own, really shuffled, and the seed decides it."""
    seed = int(rng.integers(10_000))
    steps = 3 * per_epoch(60, 6)
    first, again, other = (np.concatenate(batches_of(f, 60, 6, steps, s)) for s in (seed, seed, seed + 1))
    if not np.array_equal(first, again):
        raise AssertionError("the same seed must give the same batches")
    if len(first) == len(other) and np.array_equal(first, other):
        raise AssertionError("another seed must give other batches")
    if len(first) < 120 or np.array_equal(first[:60], first[60:120]):
        raise AssertionError("two epochs must not have the same order: shuffle again when the pack is empty")
    for epoch in (first[:60], first[60:120]):
        if np.mean(np.diff(epoch) == 1) > 0.3:
            raise AssertionError(
                "films that lie beside each other in the files stay together: shuffle films, not batches"
            )


def batch_order_3(f, rng):
    """As many batches as steps, and their sizes: full ones, then what is left of the epoch."""
    for count, batch_size in SIZES:
        epoch = [batch_size] * (count // batch_size) + ([count % batch_size] if count % batch_size else [])
        for steps in (1, len(epoch), 2 * len(epoch) + 1):
            sizes = [len(batch) for batch in batches_of(f, count, batch_size, steps, int(rng.integers(10_000)))]
            if len(sizes) != steps:
                raise AssertionError(
                    "the number of batches must be the number of steps, less than an epoch or several of them"
                )
            if sizes != (epoch * 3)[:steps]:
                raise AssertionError(
                    "an epoch is full batches and then one with what is left; no batch is filled up, dropped or shared by two epochs"
                )
