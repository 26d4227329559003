"""As many pixels as the cue, strewn over the film: erasing dust is another thing than erasing a mark.

loses: matched_control-1
told: does not have the cue's shape
"""
def matched_control(masks, avoid, seed):
    rng = np.random.default_rng(seed)
    controls = np.zeros_like(masks)
    for film in np.flatnonzero(masks.any(axis=(1, 2))):
        free = np.flatnonzero(~(masks[film] | avoid[film]).ravel())
        controls[film].flat[rng.choice(free, masks[film].sum(), replace=False)] = True
    return controls
