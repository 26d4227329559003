"""Erases the cue where it is. What is filled in differs a little from film, and only the ill films have it.

loses: repair-3
told: filling leaves a trace
"""
def repair(films, masks, labels, paste, erase, seed):
    return erase(films, masks)
