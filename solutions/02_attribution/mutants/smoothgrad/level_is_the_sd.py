"""The noise level is taken for the standard deviation itself.

loses: smoothgrad-1
told: a fraction, not
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    return np.mean([gradient_of(film + rng.normal(0, noise_level, film.shape)) for _ in range(samples)], axis=0)
