"""One mean for each change: films that go up hide films that go down.

loses: counterfactual-1, counterfactual-2, counterfactual-3
told: one number for each of the 3 films
"""
def counterfactual(predict, films, changes):
    before = predict(films)
    return {name: np.mean(predict(change(films.copy())) - before) for name, change in changes.items()}
