"""The generator is made anew in every turn, so every sample has the same noise.

loses: smoothgrad-1
told: the same noise
"""
def smoothgrad(gradient_of, film, samples, noise_level, seed):
    sd = noise_level * (film.max() - film.min())
    maps = []
    for _ in range(samples):
        rng = np.random.default_rng(seed)
        maps.append(gradient_of(film + rng.normal(0, sd, film.shape)))
    return np.mean(maps, axis=0)
