import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from medxai import plots

pytestmark = pytest.mark.render


def test_both_ways_of_the_drawing_give_one_logit():
    fig = plots.drawings.gap_and_cam()
    text = " ".join(t.get_text() for ax in fig.axes for t in ax.texts)
    logit = plots.drawings.WEIGHTS @ plots.drawings.DETECTORS.mean(axis=(1, 2))
    cam = np.tensordot(plots.drawings.WEIGHTS, plots.drawings.DETECTORS, axes=1)
    assert np.isclose(cam.mean(), logit) and cam.min() < 0 < cam.max()
    assert len(re.findall(rf"{logit:.2f}", text)) >= 3 and f"{logit + plots.drawings.BIAS:.2f}" in text
    plt.close(fig)
