"""The generator is made anew for every film, so all films get one place.

loses: matched_control-2
told: the control at the same position
"""
def matched_control(masks, avoid, seed):
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        rng = np.random.default_rng(seed)
        rows, columns = np.nonzero(masks[film])
        rows, columns = rows - rows.min(), columns - columns.min()
        while True:
            down, right = rng.integers(masks.shape[1] - rows.max()), rng.integers(masks.shape[2] - columns.max())
            if not (masks[film] | avoid[film])[rows + down, columns + right].any():
                break
        controls[film, rows + down, columns + right] = True
    return controls
