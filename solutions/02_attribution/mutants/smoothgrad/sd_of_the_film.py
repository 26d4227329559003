"""The film's own standard deviation is taken for its range.

loses: smoothgrad-1
told: not its own standard deviation
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    return np.mean([gradient_of(film + rng.normal(0, noise_level * film.std(), film.shape)) for _ in range(samples)], axis=0)
