"""Hidden checks of smoothgrad: one function for each graded cell."""

import numpy as np


class _Recorder:
    """A gradient that remembers what it was asked, and answers with a curved function of it."""

    def __init__(self, shape, slope):
        self.shape, self.slope, self.asked, self.said = shape, slope, [], []

    def __call__(self, film):
        film = np.array(film, float)
        if film.shape != self.shape:
            raise AssertionError("gradient_of takes one film (H, W, C), the shape of the one that was given")
        self.asked.append(film)
        self.said.append(np.sin(self.slope * film))
        return self.said[-1].copy()


def _run(f, film, samples, level, seed):
    recorder = _Recorder(film.shape, 3.0 / np.ptp(film))
    got = np.asarray(f(recorder, film, samples, level, seed), float)
    if got.shape != film.shape:
        raise AssertionError("the map must have the shape of the film, channels included")
    if len(recorder.asked) != samples:
        raise AssertionError("the gradient must be asked for as many noisy films as there are samples")
    return got, np.array(recorder.asked) - film, np.array(recorder.said)


def _own_noise(f, rng):
    """Each sample, pixel and channel has a noise of its own; the seed decides; the film stays as it was."""
    film = rng.uniform(-100, 100, (10, 9, 3))
    before = film.copy()
    maps, noises = zip(*[_run(f, film, 6, 0.1, seed)[:2] for seed in (3, 3, 4)])
    if not np.array_equal(film, before):
        raise AssertionError("the film that went in must be unchanged")
    alike = np.corrcoef(noises[0].reshape(6, -1)) - np.eye(6)
    across = np.corrcoef(noises[0].reshape(-1, 3).T) - np.eye(3)
    if np.abs(alike).max() > 0.5 or np.abs(across).max() > 0.5:
        raise AssertionError("each sample must have a noise of its own, and so must each channel")
    if not np.allclose(maps[0], maps[1], atol=1e-6):
        raise AssertionError("the same seed must give the same map")
    if np.allclose(noises[0], noises[2], atol=1e-6):
        raise AssertionError("another seed must give another noise")


def smoothgrad_1(f, rng):
    """Normal noise, its sd noise_level times the film's range (5 %), new for each sample; the seed decides."""
    for low, high, level in ((-124.0, 151.0, 0.15), (0.0, 1.0, 0.3), (40.0, 44.0, 0.05)):
        film = rng.uniform(low, high, (24, 20, 3))
        noise = _run(f, film, 12, level, 5)[1]
        sd = level * np.ptp(film)
        if abs(noise.std() / sd - 1) > 0.05 or abs(noise.mean()) > 0.1 * sd:
            raise AssertionError(
                "the noise must be centred at zero, its standard deviation the noise level times (largest minus "
                "smallest pixel): a fixed one is nothing for one pixel range and a flood for another"
            )
        if not 0.03 < np.mean(np.abs(noise) > 2 * sd) < 0.065:
            raise AssertionError("the noise must be drawn from a normal distribution")
    _own_noise(f, rng)


def smoothgrad_2(f, rng):
    """The map is the mean of the gradients of the noisy films, sign kept."""
    for samples in (1, 3, 16):
        got, _, said = _run(f, rng.uniform(-50, 50, (6, 5, 3)), samples, 0.2, 1)
        if not np.allclose(got, said.mean(axis=0), rtol=1e-4, atol=1e-5):
            raise AssertionError(
                "the map must be the mean of the gradients: no magnitudes, no sum, nothing else among them"
            )
