"""Hands its own films to the changes; one that writes in place spoils them all.

loses: counterfactual-3
told: The visible check passes
"""
def counterfactual(predict, films, changes):
    before = predict(films)
    effects = {}
    for name, change in changes.items():
        changed = change(films)
        touched = (changed != films).any(axis=(1, 2))
        effects[name] = np.where(touched, predict(changed) - before, np.nan)
    return effects
