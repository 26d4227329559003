"""Judged on the films that it learned from: any two sets can be told apart like that.

loses: told_apart-1
told: has seen it
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
    return metrics.auroc(y, model.fit(x, y).decision_function(x))
