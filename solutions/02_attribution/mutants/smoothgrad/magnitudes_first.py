"""Magnitudes before the mean: noise adds up instead of cancelling.

loses: smoothgrad-2
told: average first
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    sd = noise_level * (film.max() - film.min())
    return np.mean([np.abs(gradient_of(film + rng.normal(0, sd, film.shape))) for _ in range(samples)], axis=0)
