"""Which kinds of attack are graded on each push, and which by `make test-all` only."""

from __future__ import annotations

from autograder.attack import attack

# The most telling kinds that each push tries in a lower layer, in the tests of the sandbox (tests/warmkernel) or of the channel and
# the checker (tests/autograder/check): no push grades them too. `make test-all` hands them in with all others, for half a minute of its
# time, because `autograder attack` is a command that must be true: what marks and words these entries promise is in no other test.
TRIED_BELOW = {
    "loops",  # check: "never answers"
    "dies-os-exit",  # check: "dies"
    "equals-all",  # check: "equal to everything"
    "patches-numpy",  # check: "patched numpy.testing"
    "kills-all",  # warmkernel: test_kills_everything_it_can
    "leaves-children",  # warmkernel: test_daemons_end_with_the_kernel
    "fork-bomb",  # warmkernel: test_two_thousand_forks
    "posts",  # warmkernel: test_no_way_to_the_host_or_the_world
}
EACH_PUSH = [kind for kind in attack.KINDS if kind.quick and kind.name not in TRIED_BELOW]
OTHERS = [kind for kind in attack.KINDS if kind not in EACH_PUSH]
