"""Draws once and takes what comes: some controls lie on the cue, or on the heart.

loses: matched_control-1
told: overlaps the cue of its own film
"""
def matched_control(masks, avoid, seed):
    rng = np.random.default_rng(seed)
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        rows, columns = np.nonzero(masks[film])
        rows, columns = rows - rows.min(), columns - columns.min()
        down, right = rng.integers(masks.shape[1] - rows.max()), rng.integers(masks.shape[2] - columns.max())
        controls[film, rows + down, columns + right] = True
    return controls
