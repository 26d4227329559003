import numpy as np
import pytest

from medxai.lab.cases import hit_and_miss

LABELS = np.array([0, 1, 1, 1, 1, 1, 0])
SCORES = np.array([0.99, 0.97, 0.6, 0.1, 0.8, 0.3, 0.05])


def test_the_typical_hit_and_the_clearest_miss_of_the_class():
    pair = hit_and_miss(LABELS, SCORES, threshold=0.5)
    assert (pair.hit, pair.miss, pair.mistaken) == (4, 3, True)
    assert pair.films.tolist() == [4, 3] and pair.films.dtype.kind == "i"
    assert "film 4 (score 0.800)" in pair.text and "film 3 (score 0.100)" in pair.text and "3 are called" in pair.text
    other = hit_and_miss(LABELS, 1 - SCORES, threshold=0.5, target=0)
    assert (other.hit, other.miss, other.mistaken) == (6, 0, True)


def test_a_score_at_the_threshold_is_called_and_of_two_in_the_middle_the_higher_is_the_hit():
    assert hit_and_miss(LABELS, SCORES, threshold=0.3).hit == 4
    pair = hit_and_miss([1, 1, 1], [0.5, 0.7, 0.2], threshold=0.5)
    assert (pair.hit, pair.miss) == (1, 2)


def test_where_nothing_is_missed_or_nothing_called_that_is_said():
    all_called = hit_and_miss(LABELS, SCORES, threshold=0.1)
    assert (all_called.hit, all_called.miss, all_called.mistaken) == (2, 3, False)
    assert "misses none of them" in all_called.text and "harder film" in all_called.text
    two = hit_and_miss([1, 1], [0.9, 0.8], threshold=0.5)
    assert (two.hit, two.miss) == (0, 1)  # never the same film twice
    none_called = hit_and_miss(LABELS, SCORES, threshold=0.98)
    assert (none_called.hit, none_called.miss, none_called.mistaken) == (1, 3, True)
    assert "no hit" in none_called.text


@pytest.mark.parametrize(
    ("labels", "scores", "told"),
    [
        ([0, 1, 0], [0.1, 0.9, 0.2], "at least two films of class 1, got 1 among 3"),
        ([], [], "The classes are none"),
        ([1, 1], [[0.1, 0.9], [0.2, 0.8]], r"scores\[:, 1\]"),
        ([1, 1, 0], [0.1, 0.9], r"\(3,\) and \(2,\)"),
        ([1, 1], [-2.0, 3.0], "logits"),
        ([1, 1], [np.nan, 0.3], "NaN"),
    ],
)
def test_what_cannot_be_compared_is_told(labels, scores, told):
    with pytest.raises(ValueError, match=told):
        hit_and_miss(labels, scores, threshold=0.5)
