"""The parts of a film are named where its masks say that they are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from medxai import plots

pytestmark = pytest.mark.render

SIZE = 128


def drawing(marker):
    """Two lungs, a heart that lies two thirds to the viewer's right, and a small letter in an upper corner."""
    yy, xx = np.mgrid[:SIZE, :SIZE]
    lungs = (((xx - 38) / 20) ** 2 + ((yy - 60) / 42) ** 2 < 1) | (((xx - 92) / 20) ** 2 + ((yy - 64) / 42) ** 2 < 1)
    heart = ((xx - 70) / 18) ** 2 + ((yy - 82) / 16) ** 2 < 1
    image = np.full((SIZE, SIZE), 120.0)
    image[lungs], image[heart] = 60, 230
    image[100:, :] = 240
    column = SIZE - 12 if marker == "L" else 8
    image[10:16, column : column + 3] = 255
    return image.astype(np.uint8), heart, lungs & ~heart


@pytest.mark.parametrize("marker", ["L", "R"])
def test_left_is_the_patients_left(marker):
    image, heart, lungs = drawing(marker)
    found = plots.annotated_film.places(image, heart, lungs, marker)
    assert found["right lung"].x < SIZE / 2 < found["left lung"].x
    assert heart[int(found["heart"].y), int(found["heart"].x)]
    for side in ("left", "right"):
        clavicle, lung, dome = (found[f"{side} {part}"] for part in ("clavicle", "lung", "diaphragm"))
        assert clavicle.y < lung.y < dome.y
        assert lungs[int(dome.y), int(dome.x)] and not lungs[int(dome.y) + 1, int(dome.x)]
    assert abs(found["side marker"].y - 13) < 4
    assert abs(found["side marker"].x - (SIZE - 11 if marker == "L" else 9)) < 4


def test_the_drawing_names_every_part():
    fig = plots.annotated_film.name_parts(*drawing("R"), marker="R")
    written = {text.get_text() for text in fig.axes[0].texts}
    plt.close(fig)
    assert {"right lung", "left lung", "heart", "left clavicle", 'side marker "R"', "patient's left"} <= written


def test_a_film_without_masks_is_refused():
    image, heart, lungs = drawing("L")
    with pytest.raises(ValueError, match="a mask is empty"):
        plots.annotated_film.places(image, heart, np.zeros_like(lungs), "L")
