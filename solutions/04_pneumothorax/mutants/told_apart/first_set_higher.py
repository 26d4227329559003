"""The first set is the one that scores higher.

loses: told_apart-2
told: the order is reversed
"""
def told_apart(first, second, first_patients, second_patients, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    x, y = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    who = np.concatenate([first_patients, second_patients + first_patients.max() + 1])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    z = np.zeros(len(y))
    for a, b in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(x, y, who):
        z[b] = model.fit(x[a], y[a]).decision_function(x[b])
    return metrics.auroc(1 - y, z)
