"""The kernel itself: unmodified ipykernel, in a fork that has already imported it."""

from __future__ import annotations

import json
import os
import sys
import types
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from typing import Any, NoReturn

from . import fresh_process, jail

CHANNEL_VARIABLE = "WARMKERNEL_CHANNEL"
_CONNECTION_FILE = f"{jail.HOME}/.local/share/jupyter/runtime/kernel.json"


def run(connection: dict[str, Any], environment: dict[str, str], channel: int | None) -> NoReturn:
    """Serve the sockets in `connection` until a client requests a shutdown."""
    code = 1
    try:
        fresh_process.keep_only(set() if channel is None else {channel})
        fresh_process.become_ordinary(environment)
        if channel is not None:
            os.set_inheritable(channel, True)
            os.environ[CHANNEL_VARIABLE] = str(channel)
        os.makedirs(os.path.dirname(_CONNECTION_FILE), mode=0o700)
        with open(_CONNECTION_FILE, "w", encoding="utf-8") as file:
            json.dump(connection, file)
        sys.argv = ["ipykernel_launcher", "-f", _CONNECTION_FILE]
        sys.modules["__main__"] = types.ModuleType("__main__")  # as in a new Python: not the zygote's
        sys.meta_path.insert(0, _NoDebugger())

        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        app.initialize(["-f", _CONNECTION_FILE, "--HistoryManager.hist_file=:memory:"])
        app.start()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os._exit(code & 0xFF)


class _NoDebugger(MetaPathFinder):
    """ipykernel imports debugpy if it can: that takes longer than everything else, and a grader has no use for a debugger."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None) -> None:
        """Refuse debugpy, and leave everything else to the other finders."""
        if fullname == "debugpy":
            raise ModuleNotFoundError("debugpy is not available in these kernels", name=fullname)
