"""The maps are divided where they lie: the next method of display gets other numbers.

loses: signed_map-1
told: changed the maps
"""
def signed_map(maps):
    largest = np.abs(maps.sum(axis=-1)).max(axis=(1, 2))
    for film, top in zip(maps, largest):
        film /= top if top > 0 else 1
    return maps.sum(axis=-1)
