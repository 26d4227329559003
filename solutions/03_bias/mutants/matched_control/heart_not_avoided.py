"""Keeps off the cue and forgets what else must be left alone.

loses: matched_control-1
told: overlaps the region to avoid
"""
def matched_control(masks, avoid, seed):
    rng = np.random.default_rng(seed)
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        rows, columns = np.nonzero(masks[film])
        rows, columns = rows - rows.min(), columns - columns.min()
        while True:
            down, right = rng.integers(masks.shape[1] - rows.max()), rng.integers(masks.shape[2] - columns.max())
            if not masks[film][rows + down, columns + right].any():
                break
        controls[film, rows + down, columns + right] = True
    return controls
