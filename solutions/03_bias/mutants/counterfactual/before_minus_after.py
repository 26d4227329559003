"""A drop feels like a positive number; then pasting has the wrong sign.

loses: counterfactual-1, counterfactual-2, counterfactual-3
told: after minus before
"""
def counterfactual(predict, films, changes):
    before = predict(films)
    effects = {}
    for name, change in changes.items():
        changed = change(films.copy())
        touched = (changed != films).any(axis=(1, 2))
        effects[name] = np.where(touched, before - predict(changed), np.nan)
    return effects
