"""Numbers of patients are returned where numbers of films are asked for.

loses: patient_folds-1, patient_folds-2
told: patients instead of films
"""
def patient_folds(labels, patients, n_folds, seed):
    from sklearn.model_selection import StratifiedGroupKFold
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return [(np.unique(patients[train]), np.unique(patients[held_out]))
            for train, held_out in splitter.split(labels, labels, patients)]
