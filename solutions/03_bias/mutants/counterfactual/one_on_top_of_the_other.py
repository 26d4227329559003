"""The changed films are carried into the next turn of the loop.

loses: counterfactual-1, counterfactual-2
told: on top of the first
"""
def counterfactual(predict, films, changes):
    before = predict(films)
    current = films.copy()
    effects = {}
    for name, change in changes.items():
        current = change(current)
        touched = (current != films).any(axis=(1, 2))
        effects[name] = np.where(touched, predict(current) - before, np.nan)
    return effects
