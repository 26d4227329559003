"""The noisy films are averaged first; their mean is nearly the film.

loses: smoothgrad-1, smoothgrad-2
told: computed only once
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    rng = np.random.default_rng(seed)
    sd = noise_level * (film.max() - film.min())
    noisy = [film + rng.normal(0, sd, film.shape) for _ in range(samples)]
    return gradient_of(np.mean(noisy, axis=0))
