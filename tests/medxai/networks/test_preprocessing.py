"""From films to network input, and the guard against the four ways to feed a network the wrong range."""

import numpy as np
import pytest

from medxai import PixelRangeError
from medxai.networks import preprocessing
from medxai.networks.preprocessing import INPUT_CONTRACT, NETWORK_HIGH, NETWORK_LOW, check_pixel_range, to_network_input

CARD = {"name": "tester", "input": {"size": 16, **INPUT_CONTRACT}}


@pytest.fixture
def films():
    images = np.random.default_rng(0).integers(20, 230, (3, 16, 16), dtype=np.uint8)
    images[0, 0, :2] = 0, 255
    images.flags.writeable = False
    return images


def test_equals_keras_own_preprocessing(films):
    from tensorflow.keras.applications.vgg16 import preprocess_input

    x = to_network_input(films)
    assert x.dtype == np.float32 and x.shape == (3, 16, 16, 3)
    np.testing.assert_allclose(x, preprocess_input(np.repeat(films[..., None], 3, -1).astype("float32")), atol=1e-4)
    assert (x.min(), x.max()) == pytest.approx((NETWORK_LOW, NETWORK_HIGH), abs=1e-3)


def test_input_that_is_not_stored_films_is_refused(films):
    with pytest.raises(PixelRangeError, match="preprocessed already"):
        to_network_input(to_network_input(films)[..., 0])
    with pytest.raises(PixelRangeError, match="0-1"):
        to_network_input(films / 255)
    with pytest.raises(ValueError, match=r"images\[:1\]"):
        to_network_input(films[0])


def test_right_input_passes_however_dark_or_edited(films):
    x = to_network_input(films)
    dark = to_network_input((films // 8).astype(np.uint8))
    bright = to_network_input(np.full_like(films, 250))
    noisy = x + np.random.default_rng(1).normal(0, 2, x.shape).astype("float32")
    erased = x.copy()
    erased[:, 4:12, 4:12] = 0
    for allowed in (x, dark, bright, noisy, erased, np.zeros_like(x), x[:0], 0.5 * x):
        assert check_pixel_range(allowed, CARD) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda films: np.repeat(films[..., None], 3, -1) / 255, "scaled to 0-1"),
        (lambda films: np.repeat(films[..., None], 3, -1) / 127.5 - 1, "scaled to -1 to 1"),
        (lambda films: np.repeat(films[..., None], 3, -1).astype(float), "unprocessed"),
        (lambda films: np.repeat(films[..., None] // 4, 3, -1).astype(float), "unprocessed"),  # fits the range
        (lambda films: to_network_input(films) - (103.939, 116.779, 123.68), "twice"),
        (lambda films: to_network_input(np.maximum(films, 125)) - (103.939, 116.779, 123.68), "twice"),  # fits it too
        (lambda films: to_network_input(films)[..., ::-1], "red, green, blue"),
        (lambda films: np.full((1, 16, 16, 3), np.nan), "NaN"),
        (lambda films: 20 * to_network_input(films), "standardised"),
        (lambda films: to_network_input(films)[..., :1], "shape"),
    ],
    ids=["0-1", "-1-1", "0-255", "dark 0-255", "twice", "bright twice", "rgb", "nan", "scaled", "one channel"],
)
def test_wrong_range_is_refused_with_its_likely_mistake(films, change, told):
    with pytest.raises(PixelRangeError, match=told) as caught:
        check_pixel_range(change(films), CARD)
    assert "to_network_input(films.images)" in str(caught.value)


def test_shrinking_takes_the_mean_of_each_block_and_refuses_what_does_not_fit():
    films = np.zeros((2, 4, 6), np.uint8)
    films[1, :2, 2:4] = [[10, 20], [30, 41]]  # mean 25.25
    small = preprocessing.shrink(films, 2)
    assert small.dtype == np.uint8 and small.shape == (2, 2, 3)
    assert small[1, 0, 1] == 25 and small.sum() == 25
    with pytest.raises(ValueError, match="blocks of 4"):
        preprocessing.shrink(films, 4)
    with pytest.raises(ValueError, match="uint8"):
        preprocessing.shrink(films.astype(float), 2)


def test_a_pass_over_mapped_films_keeps_none_of_their_pages(tmp_path):
    """What was read is let go, a second pass gives the same, and a copy of one's own, with changes, is left alone."""
    import sys
    from pathlib import Path

    from medxai.networks.preprocessing import release

    rng = np.random.default_rng(0)
    films = rng.integers(0, 256, (40, 512, 512), dtype=np.uint8)
    np.save(tmp_path / "films.npy", films)
    mapped = np.load(tmp_path / "films.npy", mmap_mode="r")

    def resident():
        """Bytes of the file that this process has mapped in."""
        found, here = 0, False
        for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
            if "-" in line.split(" ", 1)[0]:
                here = line.endswith("films.npy")
            elif here and line.startswith("Rss:"):
                found += int(line.split()[1]) * 1024
        return found

    for _ in range(2):
        for start in range(0, 40, 7):
            part = to_network_input(mapped[start : start + 7])
            np.testing.assert_array_equal(part, to_network_input(films[start : start + 7]))
            if sys.platform == "linux":
                assert resident() < films.nbytes / 5  # the system maps some pages around those that are read
    assert mapped[3:4].sum() == films[3:4].sum()
    release(mapped[5, ::2])
    np.testing.assert_array_equal(to_network_input(mapped[::-1]), to_network_input(films[::-1]))
    np.testing.assert_array_equal(to_network_input(mapped[3:39:3]), to_network_input(films[3:39:3]))
    release(mapped[:0])
    release(films)

    own = np.load(tmp_path / "films.npy", mmap_mode="c")
    own[0] = 7
    to_network_input(own)
    assert (own[0] == 7).all()
