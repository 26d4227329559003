"""np.random without the seed: nobody can make the figure again.

loses: matched_control-2
told: the same seed must give the same positions
"""
def matched_control(masks, avoid, seed):
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        rows, columns = np.nonzero(masks[film])
        rows, columns = rows - rows.min(), columns - columns.min()
        while True:
            down, right = np.random.randint(masks.shape[1] - rows.max()), np.random.randint(masks.shape[2] - columns.max())
            if not (masks[film] | avoid[film])[rows + down, columns + right].any():
                break
        controls[film, rows + down, columns + right] = True
    return controls
