"""Prepare a fork of the zygote before any user code runs in it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys

from . import jail, linux


def become_ordinary(environment: dict[str, str], trusted: bool = False) -> None:
    """Set up the environment, priority, signals and random state of a freshly started process, for kernels and forks.

    A trusted process keeps its priority, and is not the first to be killed when memory runs out.
    """
    os.environ.clear()
    os.environ.update(environment)
    os.environ.update(HOME=jail.HOME, TMPDIR="/tmp", USER="student", LOGNAME="student", SHELL="/bin/sh")
    os.environ.setdefault("MPLCONFIGDIR", f"{jail.HOME}/.config/matplotlib")
    os.chdir(jail.WORK)
    os.setpgid(0, 0)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    if not trusted:
        # Hundreds of busy processes would otherwise starve process 1, which watches them.
        os.nice(19)
        _write_own("oom_score_adj", "1000")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _fresh_random_state()


def keep_only(descriptors: set[int]) -> None:
    """Close every descriptor except these and the three standard ones."""
    for number in {int(name) for name in os.listdir("/proc/self/fd")} - descriptors - {0, 1, 2}:
        with contextlib.suppress(OSError):  # the descriptor with which the folder was listed
            os.close(number)


def _fresh_random_state() -> None:
    """No two kernels may draw the same numbers."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "tensorflow" in sys.modules:  # Keras draws its seeds from Python's `random`
        sys.modules["tensorflow"].random.set_seed(None)
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None:
        multiprocessing.current_process().authkey = os.urandom(32)


def _write_own(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
        file.write(text)
