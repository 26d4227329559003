"""The grader under attack: every kind is a real submission among good neighbours, and all five points that must hold do so."""

from __future__ import annotations

import pytest
from kinds_by_layer import EACH_PUSH, OTHERS, TRIED_BELOW

from autograder.attack import attack, must_hold, scenarios

pytestmark = pytest.mark.kernel


def by_name(one):
    return one.name


@pytest.mark.parametrize("kind", EACH_PUSH, ids=by_name)
def test_the_most_telling_kinds(quick_class, kind):
    assert must_hold.broken(quick_class, kind) == []


def test_the_class_beside_the_most_telling_kinds(quick_class):
    assert must_hold.broken_by_class(quick_class) == []
    assert set(quick_class.alone) == set(attack.NEIGHBOURS)


@pytest.mark.slow(
    reason="grades a class with every other kind, a quarter of an hour; each push attacks the sandbox and the channel in their own tests"
)
@pytest.mark.parametrize("kind", OTHERS, ids=by_name)
def test_all_other_kinds(whole_class, kind):
    assert must_hold.broken(whole_class, kind) == []


@pytest.mark.slow(reason="looks at the class of all other kinds")
def test_the_class_beside_all_other_kinds(whole_class):
    assert must_hold.broken_by_class(whole_class) == []


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(s, id=s.name, marks=() if s.quick else pytest.mark.slow(reason="grades a class of its own"))
        for s in scenarios.SCENARIOS
    ],
)
def test_a_run_as_a_whole(prey, quick_class, scenario, tmp_path):
    assert scenario.run(prey, tmp_path) == []


def test_what_lower_layers_try_are_telling_kinds():
    assert {kind.name for kind in attack.KINDS if kind.quick} >= TRIED_BELOW


def test_names_of_kinds_are_their_own():
    names = [one.name for one in (*attack.KINDS, *scenarios.SCENARIOS)]
    students = [kind.who for kind in attack.KINDS]
    assert len(set(names)) == len(names) and len(set(students)) == len(students)
    assert min(students) < attack.HALF < max(students)
    assert attack.PERFECT < sorted(students)[len(students) // 2] < attack.BLANK
