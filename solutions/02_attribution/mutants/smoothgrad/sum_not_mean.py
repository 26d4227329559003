"""The gradients are added up and never divided.

loses: smoothgrad-2
told: divide by their number
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    sd = noise_level * (film.max() - film.min())
    return sum(gradient_of(film + rng.normal(0, sd, film.shape)) for _ in range(samples))
