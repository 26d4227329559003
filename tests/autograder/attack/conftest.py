"""One class with the most telling offenders, graded once, and for `make test-all` one with all others."""

from __future__ import annotations

import pytest
from kinds_by_layer import EACH_PUSH, OTHERS

from autograder.attack import attack


@pytest.fixture(scope="session")
def prey(tmp_path_factory):
    """The lab that is attacked, released, with the class in it."""
    return attack.make_course(tmp_path_factory.mktemp("prey") / "course")


@pytest.fixture(scope="session")
def quick_class(prey):
    """What was seen of the class with the most telling kinds that no lower layer tries."""
    return attack.in_one_class(prey, EACH_PUSH)


@pytest.fixture(scope="session")
def whole_class(tmp_path_factory):
    """What was seen of the class with all other kinds."""
    course = attack.make_course(tmp_path_factory.mktemp("whole") / "course")
    return attack.in_one_class(course, OTHERS)
