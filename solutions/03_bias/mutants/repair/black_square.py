"""Blackens the cue where it is: now the black square is on the ill films.

loses: repair-3
told: a black square that only ill films have
"""
def repair(films, masks, labels, paste, erase, seed):
    out = films.copy()
    out[masks] = 0
    return out
