"""The loop overwrites its result, so that only the last fold is kept. The source of this lab did so.

loses: patient_folds-1, patient_folds-2, patient_folds-3
told: only the last fold
"""
def patient_folds(labels, patients, n_folds, seed):
    from sklearn.model_selection import StratifiedGroupKFold
    for fold in StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(labels, labels, patients):
        result = [fold]
    return result
