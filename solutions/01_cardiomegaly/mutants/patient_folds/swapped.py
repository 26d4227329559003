"""Train and validation change places: nine tenths are held out, one tenth is learned from.

loses: patient_folds-1, patient_folds-2
told: swapped
"""
def patient_folds(labels, patients, n_folds, seed):
    from sklearn.model_selection import StratifiedGroupKFold
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return [(validation, train) for train, validation in splitter.split(labels, labels, patients)]
