"""Run a function of a test inside a kernel: its source is sent, its return value comes back as JSON."""

from __future__ import annotations

import ctypes
import errno
import inspect
import json
import os
import textwrap
import time
from collections.abc import Callable
from typing import Any

from warm_client import Kernel

MARK = "what the attack saw: "
IMPORTS = """
import contextlib, ctypes, errno, fcntl, json, mmap, os, resource, select, shutil, signal, site, socket, stat, struct, subprocess
import sys, sysconfig, tempfile, time
libc = ctypes.CDLL(None, use_errno=True)
"""
libc = ctypes.CDLL(None, use_errno=True)


def tried(act, *arguments, **named):
    """ "done", or the name of the error."""
    try:
        act(*arguments, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    except Exception as error:
        return type(error).__name__
    return "done"


def system_call(number, *arguments):
    """ "done", or the name of the error, of a call by its number."""
    ctypes.set_errno(0)
    numbers = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return "done" if libc.syscall(ctypes.c_long(number), *numbers) >= 0 else errno.errorcode[ctypes.get_errno()]


def in_a_child(act):
    """How a separate process that runs `act` ended: an exit code, or minus the signal."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def text_of(path):
    """The content of the file, or the name of the error in angle brackets."""
    try:
        with open(path, errors="replace", encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        return f"<{errno.errorcode[error.errno]}>"


def in_command(number, mark):
    """Whether the command of this process contains the mark."""
    return mark in text_of(f"/proc/{number}/cmdline")


PRELUDE = IMPORTS + "\n".join(
    inspect.getsource(helper) for helper in (tried, system_call, in_a_child, text_of, in_command)
)


def ask(kernel: Kernel, attack: Callable, *arguments: Any, timeout: float = 300) -> Any:
    """The return value of `attack(*arguments)` in the kernel, with the helpers above and the modules of IMPORTS available."""
    call = f"{attack.__name__}(*json.loads({json.dumps(arguments)!r}))"
    source = f"{PRELUDE}\n{textwrap.dedent(inspect.getsource(attack))}\nprint({MARK!r} + json.dumps({call}))"
    reply = kernel.run(source, timeout=timeout)
    assert reply.status == "ok", f"{reply.status}: {reply.error}"
    # Data written to descriptors 1 and 2 also arrive as output, at any time.
    return json.JSONDecoder().raw_decode(reply.text.rpartition(MARK)[2])[0]


def processes(mark: str) -> list[int]:
    """The processes of this machine, including every kernel's, whose command contains the mark."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and in_command(name, mark)]


def soon(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """The value of `condition`: as soon as it is true, else the last value within this time."""
    deadline = time.monotonic() + seconds
    while not (last := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return last
