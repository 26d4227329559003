"""Hidden checks of longest_run. Messages name the property, never an input or an expected value."""


def longest_run_1(f, rng):
    """The longest run is found at any position."""
    for _ in range(3):
        length, before, after = (int(n) for n in rng.integers(3, 9, 3))
        flags = [True, False] * before + [True] * length + [False] * after
        if f(flags) != length:
            raise AssertionError("the longest run counts, not the first, the last or all of them")


def longest_run_2(f, rng):
    """Flags without a true one give 0."""
    if f([False] * int(rng.integers(3, 9))) != 0:
        raise AssertionError("if no flag is true, the longest run is 0")
