"""Blackens the whole lower left quarter of every film, and with it a part of the patient.

loses: repair-2
told: pixels outside the cue's place have changed
"""
def repair(films, masks, labels, paste, erase, seed):
    out = films.copy()
    out[:, out.shape[1] // 2 :, : out.shape[2] // 2 + 1] = 0
    return np.where(masks.any(axis=0), np.uint8(0), out)
