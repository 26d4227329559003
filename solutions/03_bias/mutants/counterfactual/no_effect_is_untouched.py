"""Asks the score instead of the film whether something changed: real zeros are thrown away.

loses: counterfactual-2
told: The visible check passes
"""
def counterfactual(predict, films, changes):
    before = predict(films)
    effects = {}
    for name, change in changes.items():
        effect = predict(change(films.copy())) - before
        effects[name] = np.where(effect == 0, np.nan, effect)
    return effects
