"""A standard deviation of 1 whatever was asked for, as in a library that ignores its own parameter.

loses: smoothgrad-1
told: A fixed 1
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    return np.mean([gradient_of(film + rng.normal(0, 1, film.shape)) for _ in range(samples)], axis=0)
