"""Works in the array it was given: run the cell twice and nobody knows what was repaired.

loses: repair-2
told: changed the films it was given
"""
def repair(films, masks, labels, paste, erase, seed):
    films[:, masks.any(axis=0)] = 128
    return films
