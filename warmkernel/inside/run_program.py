"""A program of the grader that runs next to the kernels, in a fork of the zygote and its own jail."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any, NoReturn

from . import fresh_process, linux


def run(wanted: dict[str, Any], environment: dict[str, str], descriptors: list[int]) -> NoReturn:
    """Call `main(descriptor, ...)` of a module whose packages are on `path`."""
    code = 1
    try:
        fresh_process.keep_only(set(descriptors))
        fresh_process.become_ordinary(environment, trusted=True)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)  # a compromised child must not read this process
        sys.path[:0] = wanted["path"]
        sys.argv = [wanted["module"]]
        if "matplotlib" in sys.modules and "MPLBACKEND" in environment:
            # It was imported with the notebook backend.
            sys.modules["matplotlib"].rcParams["backend"] = environment["MPLBACKEND"]
        importlib.import_module(wanted["module"]).main(*descriptors)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
