"""The kernel itself: ipykernel as it is, in a fork that has imported it already."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

from . import jail, process

CHANNEL_VARIABLE = "WARMKERNEL_CHANNEL"
_CONNECTION_FILE = f"{jail.HOME}/.local/share/jupyter/runtime/kernel.json"


def run(connection: dict[str, Any], environment: dict[str, str], channel: int | None) -> NoReturn:
    """Serve the sockets that `connection` names until a client asks for the end."""
    code = 1
    try:
        process.keep_only(set() if channel is None else {channel})
        process.become_ordinary(environment)
        if channel is not None:
            os.set_inheritable(channel, True)
            os.environ[CHANNEL_VARIABLE] = str(channel)
        os.makedirs(os.path.dirname(_CONNECTION_FILE), mode=0o700)
        with open(_CONNECTION_FILE, "w", encoding="utf-8") as file:
            json.dump(connection, file)
        sys.argv = ["ipykernel_launcher", "-f", _CONNECTION_FILE]
        sys.modules["__main__"] = type(sys)("__main__")
        # Importing it takes longer than all the rest, and a debugger is of no use to a grader.
        sys.modules["debugpy"] = None  # type: ignore[assignment]

        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        app.initialize(["-f", _CONNECTION_FILE, "--HistoryManager.hist_file=:memory:"])
        app.start()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os._exit(code & 0xFF)
