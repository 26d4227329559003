"""The noise is added to the film itself, so that each sample has the noise of all before it.

loses: smoothgrad-1
told: the film itself
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    sd = noise_level * (film.max() - film.min())
    total = 0
    for _ in range(samples):
        film += rng.normal(0, sd, film.shape)
        total = total + gradient_of(film)
    return total / samples
