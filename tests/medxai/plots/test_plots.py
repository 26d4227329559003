"""Attribution maps drawn: signs and scales; what does not belong together is told."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from medxai import plots

pytestmark = pytest.mark.render


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def films():
    return np.random.default_rng(0).integers(0, 256, (2, 12, 10), np.uint8)


def test_signed_keeps_the_sign_and_divides_each_film_by_its_own_largest():
    maps = np.zeros((3, 4, 5, 3), np.float32)
    maps[0, 1, 2], maps[0, 3, 3] = (1, 2, 1), (-0.5, 0, -0.5)
    maps[1, 0, 0], maps[1, 2, 2] = (0, -2e36, 0), (1, -1, 0)
    before = maps.copy()
    ready = plots.signed(maps)
    assert ready.shape == (3, 4, 5) and ready.dtype == np.float32
    assert ready[0, 1, 2] == 1 and ready[0, 3, 3] == -0.25 and ready[1, 0, 0] == -1 and ready[1, 2, 2] == 0
    assert not ready[2].any() and np.count_nonzero(ready) == 3
    np.testing.assert_array_equal(plots.signed(ready), ready)
    assert np.array_equal(maps, before)
    with pytest.raises(ValueError, match=r"write maps\[None\]"):
        plots.signed(np.zeros((12, 10, 3)))
    with pytest.raises(ValueError, match="NaN"):
        plots.signed(maps * np.nan)


def test_a_map_is_red_for_the_class_blue_against_it_and_white_at_zero():
    ax = plots.attribution(np.array([[-1, -0.25, 0], [0, 0.25, 1]]), "title")
    (image,) = ax.images
    red, green, blue, _ = np.moveaxis(image.to_rgba(image.get_array()), -1, 0)
    assert red[1, 2] > blue[1, 2] and blue[0, 0] > red[0, 0]
    assert min(red[0, 2], green[0, 2], blue[0, 2]) > 0.95
    assert red[1, 1] - blue[1, 1] > 0.3 and blue[0, 1] - red[0, 1] > 0.3  # weak values can be seen
    for wrong, told in ((np.full((2, 2), 3.0), "plots.signed"), (np.zeros((1, 2, 2)), "one map")):
        with pytest.raises(ValueError, match=told):
            plots.attribution(wrong)


def test_the_grid_has_the_film_beside_its_maps(films):
    rng = np.random.default_rng(1)
    maps = {f"method {n}": rng.normal(0, 10.0**n, (2, 12, 10, 3)) for n in range(7)}
    outlines = np.zeros(films.shape, bool)
    outlines[0, 3:6, 3:6] = True
    fig = plots.attribution_grid(films, maps, ["hit", "miss"], per_row=5, outlines=outlines)
    *axes, colours = fig.axes
    lines = [axes[start : start + 6] for start in range(0, 24, 6)]
    assert [line[0].get_ylabel() for line in lines] == ["hit", "miss"] * 2
    assert [ax.get_title() for ax in lines[0]] == ["film", *list(maps)[:5]]
    assert [ax.get_title() for ax in lines[2]] == ["film", *list(maps)[5:], "", "", ""]
    for block, names in ((0, list(maps)[:5]), (2, list(maps)[5:])):
        for n in range(2):
            np.testing.assert_array_equal(lines[block + n][0].images[0].get_array(), films[n])
            for ax, name in zip(lines[block + n][1:], names, strict=False):
                np.testing.assert_array_equal(ax.images[0].get_array(), plots.signed(maps[name])[n])
                assert bool(ax.collections) == (n == 0)  # only the first film has an outline
    assert not any(ax.images or ax.axison for ax in lines[2][3:] + lines[3][3:])
    labels = " ".join(text.get_text() for text in colours.get_xticklabels())
    assert "against the class" in labels and "for the class" in labels


def test_grids_of_what_does_not_belong_together_are_told(films):
    maps = {"gradient": np.zeros((2, 12, 10))}
    for wrong, told in (
        ((films, {}, ["a", "b"]), "got none"),
        ((films, maps, ["a"]), "a label for each of the 2 films"),
        ((films, {"gradient": np.zeros((2, 10, 12))}, ["a", "b"]), r"gradient have shape \(2, 10, 12\)"),
        ((films[0], maps, ["a"]), r"\(N, H, W\)"),
        ((films, maps, ["a", "b"], 0), "per_row=0"),
        ((films, maps, ["a", "b"], 5, np.zeros((1, 12, 10), bool)), "outlines have shape"),
    ):
        with pytest.raises(ValueError, match=told):
            plots.attribution_grid(*wrong)


def test_evidence_has_one_scale_for_all_films(films):
    maps = np.zeros(films.shape)
    maps[0, 2, 3], maps[1, 5, 5] = 8.0, -2.0
    fig = plots.evidence(films, maps, ["strong", "weak"])

    def maps_in(figure):
        return [ax.images[0] for ax in figure.axes if ax.images and ax.images[0].get_cmap().name == "RdBu_r"]

    drawn = maps_in(fig)
    assert [image.get_clim() for image in drawn[:2]] == [(-8.0, 8.0)] * 2
    np.testing.assert_array_equal(drawn[1].get_array(), maps[1])
    blank = plots.evidence(films, maps * 0, ["a", "b"])  # no evidence, no division by zero
    assert maps_in(blank)[0].get_clim() == (-1.0, 1.0)
    for wrong in ({"maps": maps[:1]}, {"titles": ["one"]}, {"limit": 0.0}):
        with pytest.raises(ValueError):
            plots.evidence(**{"films": films, "maps": maps, "titles": ["a", "b"]} | wrong)
