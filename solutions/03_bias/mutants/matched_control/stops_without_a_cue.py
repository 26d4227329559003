"""Never thought of a film that carries no cue.

loses: matched_control-3
told: ValueError
"""
def matched_control(masks, avoid, seed):
    rng = np.random.default_rng(seed)
    controls = np.zeros_like(masks)
    for film in range(len(masks)):
        rows, columns = np.nonzero(masks[film])
        rows, columns = rows - rows.min(), columns - columns.min()
        while True:
            down, right = rng.integers(masks.shape[1] - rows.max()), rng.integers(masks.shape[2] - columns.max())
            if not (masks[film] | avoid[film])[rows + down, columns + right].any():
                break
        controls[film, rows + down, columns + right] = True
    return controls
