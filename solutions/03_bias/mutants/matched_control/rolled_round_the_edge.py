"""np.roll by a random amount: what leaves on one side comes in on the other, and the shape is torn.

loses: matched_control-1
told: to the other edge
"""
def matched_control(masks, avoid, seed):
    rng = np.random.default_rng(seed)
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        while True:
            moved = np.roll(masks[film], rng.integers(0, masks.shape[1:]), axis=(0, 1))
            if not (moved & (masks[film] | avoid[film])).any():
                break
        controls[film] = moved
    return controls
