"""Files that are not what they should be, by hypothesis: handled, or refused with a message; nothing else happens."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from data_fetch import DataFetchError

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(problem: DataFetchError) -> None:
    """A message for people: what is wrong and where, and the next thing to do or what was expected."""
    assert problem.what and problem.where is not None and (problem.next or problem.expected)


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """A file cut short, with bytes changed, or with something put in."""
    at = st.integers(0, max(0, len(content) - 1))
    cut = at.map(lambda place: content[:place])
    changed = st.tuples(at, st.binary(min_size=1, max_size=8)).map(
        lambda change: content[: change[0]] + change[1] + content[change[0] + len(change[1]) :]
    )
    put_in = st.tuples(at, st.binary(min_size=1, max_size=8)).map(
        lambda change: content[: change[0]] + change[1] + content[change[0] :]
    )
    return st.one_of(cut, changed, put_in)
