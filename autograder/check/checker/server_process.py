"""The checker server of an assignment: runs the locked cells once, then forks a child for each submission."""

from __future__ import annotations

import ast
import builtins
import gc
import os
import random
import resource
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from autograder.check.checker.checker import Checker
from autograder.check.protocol.limits import START
from autograder.check.protocol.lines import Lines, send
from autograder.notebook.code_cells import from_json, uses_keras
from autograder.notebook.syntax import is_import, statements

MEMORY = 4 << 30  # bytes that a child may use in addition to the server's


def main(descriptor: int) -> None:
    """Serves until the runner closes the socket."""
    lines = Lines(socket.socket(fileno=descriptor), descriptors=True)
    try:
        checker = _prepared(lines.read(None))
    except (Exception, SystemExit) as e:
        send(lines.sock, {"failed": f"{type(e).__name__}: {e}"[:2000]})
        return
    send(lines.sock, {"ready": True})
    children: set[int] = set()
    drawn = random.getstate()  # Python gives every child its own state, but a locked cell may have set a seed
    while request := lines.read(None):
        if "kill" in request and request["kill"] in children:
            os.kill(request["kill"], signal.SIGKILL)
        if "open" in request:
            channel = lines.descriptor()
            pid = os.fork()
            if not pid:
                try:
                    lines.close()
                    random.setstate(drawn)
                    _child(checker, socket.socket(fileno=channel), request["open"])
                finally:
                    os._exit(0)  # never return to the server's loop
            os.close(channel)
            children.add(pid)
            send(lines.sock, {"pid": pid})
        children -= _ended(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _prepared(start: dict[str, Any]) -> Checker:
    """A checker that has run everything that can run before a fork."""
    if start["folder"]:
        os.chdir(start["folder"])
        sys.path.append(start["folder"])
    builtins.display = lambda *_, **__: None  # type: ignore[attr-defined]  # IPython's; the output is not used
    checker = Checker(from_json(start["cells"]))
    _preload(checker)
    safe = _safe_steps(checker)
    while checker.position < safe:
        checker.step()
    gc.collect()
    gc.freeze()  # so that reference counting does not make a child copy every page
    return checker


def _preload(checker: Checker) -> None:
    """Imports the modules that the cells import, and Keras if the course uses it, so that children share them.

    Imports do not start any threads that matter for a fork.
    """
    trees = [statement for _, statement in checker.steps if statement is not None and is_import(statement)]
    for cell in checker.checks.values():
        trees += [
            node
            for s in statements(cell.source)
            for node in ast.walk(s)
            if isinstance(node, ast.stmt) and is_import(node)
        ]
    if uses_keras(checker.cells):
        trees.append(ast.Import([ast.alias("keras")]))
    for tree in trees:
        try:
            exec(compile(ast.fix_missing_locations(ast.Module([tree], [])), "<import>", "exec"), {})
        except (Exception, SystemExit):
            continue  # it fails again in its cell, and is handled there


def _ended(children: set[int]) -> set[int]:
    return {pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]}


def _safe_steps(checker: Checker) -> int:
    """The number of locked statements that can run before a fork: those before the first that starts a thread.

    A process with threads cannot be forked safely; TensorFlow starts threads with its first operation, and a child
    hangs in its next one. A disposable child determines the number.
    """
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read)
        safe = 0
        before = _threads()
        while checker.step() and _threads() <= before:
            safe = checker.position
        os.write(write, str(safe).encode())
        os._exit(0)
    os.close(write)
    told = b""
    if select.select([read], [], [], START / 2)[0]:
        told = os.read(read, 100)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(read)
    os.waitpid(pid, 0)
    return int(told or 0)


def _threads() -> int:
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()


def _child(checker: Checker, control: socket.socket, request: dict[str, Any]) -> None:
    statm = Path("/proc/self/statm")
    if statm.exists():  # Linux, the only system with a sandbox
        size = int(statm.read_text(encoding="utf-8").split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lines = Lines(control, descriptors=True)
    checker.finish(request["sources"], request["checks"])
    for id in request["seen"]:
        checker.skip(id)
    send(control, {"ready": True})
    while asked := lines.read(None):
        channel = socket.socket(fileno=lines.descriptor())
        verdict = checker.check(asked["check"], channel, asked["seconds"], asked["in_place"])
        send(control, verdict.to_json())


if __name__ == "__main__":
    main(int(sys.argv[1]))
