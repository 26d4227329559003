"""A generator without the seed: no map can be made again.

loses: smoothgrad-1
told: same seed
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng()
    sd = noise_level * (film.max() - film.min())
    return np.mean([gradient_of(film + rng.normal(0, sd, film.shape)) for _ in range(samples)], axis=0)
