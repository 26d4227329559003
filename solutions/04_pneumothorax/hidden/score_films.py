"""Hidden checks of score_films: one function for each graded cell."""

import numpy as np


def _reader(weight):
    """A network that answers by each film's mean, the sizes of its calls, and the truth about films."""
    calls = []

    def network(films):
        films = np.asarray(films, float)
        if films.ndim != 3:
            raise AssertionError("the network reads a stack of films (B, H, W): one film still needs its axis")
        calls.append(len(films))
        means = films.mean(axis=(1, 2))
        return np.stack([-weight * means, means + 0.3], axis=1)

    def truth(films):
        means = films.mean(axis=(1, 2))
        return 1 / (1 + np.exp(-(means + 0.3 + weight * means)))

    return network, calls, truth


def film_cases(rng):
    for count, batch_size in ((10, 4), (12, 4), (3, 8), (5, 1)):
        yield *_reader(rng.uniform(0.5, 2)), rng.normal(0, 2, (count, 3, 4)), batch_size


def score_films_1(f, rng):
    """The probability of class 1 for every film, in order, the last batch included."""
    for network, _, truth, films, batch_size in film_cases(rng):
        got = np.asarray(f(network, films.copy(), batch_size), float)
        if got.shape != (len(films),):
            raise AssertionError("there must be one number for each film, those of the last, smaller batch included")
        if not np.allclose(got, truth(films), rtol=1e-5, atol=1e-6):
            raise AssertionError(
                "a film's number must be the softmax probability of class 1, from both logits, and the films must stay in order"
            )


def score_films_2(f, rng):
    """No call gets more than a batch, and there are no more calls than needed."""
    for network, calls, _, films, batch_size in film_cases(rng):
        f(network, films.copy(), batch_size)
        if max(calls, default=0) > batch_size:
            raise AssertionError("a call got more films than a batch holds: at full size that fills the memory")
        if sum(calls) != len(films) or len(calls) != -(-len(films) // batch_size):
            raise AssertionError("every film is read once, in as few calls as the batch size allows")
