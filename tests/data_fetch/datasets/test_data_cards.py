"""Data cards and docstrings: the same order, and consistent with the code."""

from __future__ import annotations

import inspect
import re

import pytest
from PIL import Image

import data_fetch
from data_fetch.datasets import data_cards as cards
from data_fetch.sources.phantoms import cardiomegaly, pneumothorax
from data_fetch.store import registry

NAMES = list(registry.registry()["datasets"])


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_what_the_registry_says_today(root, name):
    path = root / "docs" / "data" / f"{name}.md"
    assert path.read_text(encoding="utf-8") == cards.page(name), "run: data-fetch cards docs/data"
    with Image.open(path.with_suffix(".png")) as picture:
        assert picture.size == (6 * 112 + 5 * 4, 2 * 112 + 4)
    assert path.with_suffix(".png").stat().st_size < 150_000
    assert f"data/{name}.md" in (root / "docs" / "data.md").read_text(encoding="utf-8")


@pytest.mark.render
def test_the_sheets_show_the_phantoms(root, tmp_path):
    """Redrawn, they are the same within the one grey level by which processors differ."""
    import numpy as np

    with Image.open(root / "docs" / "data" / "pneumothorax.png") as picture:
        kept = np.asarray(picture.convert("L"), int)
    drawn = np.asarray(cards.sheet("pneumothorax").convert("L"), int)
    assert np.abs(kept - drawn).max() <= 2 * 255 / cards.GREYS and (kept != drawn).mean() < 0.1


def test_the_counts_of_the_registry_are_those_of_the_phantoms():
    for name, module, classes in (
        ("cardiomegaly", cardiomegaly, ("normal", "enlarged")),
        ("pneumothorax", pneumothorax, ("negative", "positive")),
    ):
        stated = registry.data_set(name)["sources"]["phantom"]["films"]
        assert stated == {split: [getattr(what, c) for c in classes] for split, what in module.SPLITS.items()}


def test_the_counts_of_the_registry_are_those_that_the_rule_wants():
    from data_fetch.sources.nih import cardiomegaly as nih

    assert registry.data_set("cardiomegaly")["sources"]["nih"]["films"] == {
        "develop": list(nih.DEVELOP),
        "test": list(nih.TEST),
    }


@pytest.mark.parametrize("name", [one for one in data_fetch.__all__ if one.startswith("fetch_")])
def test_docstrings_say_the_same_things_in_the_same_order(name):
    text = inspect.getdoc(getattr(data_fetch, name))
    fields = re.findall(rf"(?m)^({'|'.join(cards.FIELDS)}) : \S", text)
    assert fields == list(cards.FIELDS)
    assert text.index("What :") < text.index("Processing :") < text.index("Parameters\n") < text.index("Raises\n")
