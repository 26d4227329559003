"""Films that a change did not touch count as films on which it had no effect.

loses: counterfactual-2
told: No experiment took place
"""
def counterfactual(predict, films, changes):
    before = predict(films)
    return {name: predict(change(films.copy())) - before for name, change in changes.items()}
