"""Stratified folds of films: films of one patient land on both sides. The source of this lab did so.

loses: patient_folds-1
told: in both parts of one fold
"""
def patient_folds(labels, patients, n_folds, seed):
    from sklearn.model_selection import StratifiedKFold
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return list(splitter.split(labels, labels))
