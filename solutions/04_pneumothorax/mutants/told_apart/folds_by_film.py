"""Folds by film: it recognises the other films of a patient.

loses: told_apart-1
told: Fold by patient
"""
def told_apart(first, second, first_patients, second_patients, seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    x, y = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    who = np.concatenate([first_patients, second_patients + first_patients.max() + 1])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    model.set_params(logisticregression__C=1.0)
    z = np.zeros(len(y))
    for a, b in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
        z[b] = model.fit(x[a], y[a]).decision_function(x[b])
    return metrics.auroc(y, z)
