"""A kernel without Jupyter: a plain `python` that runs cells and has inherited a control socket. No sandbox, so for our own
code and for attacks that stay in their process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import nbformat

from autograder.check.protocol.verdict import Cause
from autograder.check.runner.responder_code import serve_code, setup_code
from autograder.notebook.code_cells import code_cells_of
from autograder.record.sentences import message
from autograder.run.results import Ran, kernel_ended, not_stopped, out_of_time, raised

CONTROL = 200  # the control socket's descriptor in a kernel
# A nursery imports what it is told to and forks a kernel for each pair of sockets that it is sent.
MAIN = """
def _main():
    import ast, importlib, json, linecache, os, signal, socket, sys
    nursery = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        folder, sockets, _, _ = socket.recv_fds(nursery, 4096, 2)
        if not folder:
            os._exit(0)
        pid = os.fork()
        if not pid:
            break
        nursery.sendall(pid.to_bytes(8, "big"))
        for descriptor in sockets:
            os.close(descriptor)
    nursery.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(folder)
    control, commands = sockets
    names = sys.modules["__main__"].__dict__
    os.dup2(control, CONTROL)
    lines = socket.socket(fileno=commands).makefile("rw", encoding="utf-8")
    del names["_main"]
    def execute(source):
        source = "\\n".join("pass" if line.startswith("%") else line for line in source.split("\\n"))
        file = f"<cell {len(linecache.cache)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        body = ast.parse(source).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), file, "exec"), names)
        value = eval(compile(ast.Expression(last.value), file, "eval"), names) if last else None
        return None if value is None else repr(value)
    for line in lines:
        source, error, value = json.loads(line), None, None
        try:
            value = execute(source)
        except BaseException as e:
            error = [type(e).__name__, str(e)]
        lines.write(json.dumps({"error": error, "value": value}) + "\\n")
        lines.flush()
_main()
""".replace("CONTROL", str(CONTROL))


class Nursery:
    """Starts kernels; `modules` are imported once for all of them."""

    def __init__(self, *modules):
        self.lock = threading.Lock()
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, str(theirs.fileno()), *modules], pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def kernel(self, folder="."):
        return PlainKernel(self, folder)

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


class PlainKernel:
    def __init__(self, nursery, folder):
        self.control, control = socket.socketpair()
        self.socket, commands = socket.socketpair()
        self.data = b""
        with control, commands, nursery.lock:
            socket.send_fds(nursery.socket, [str(folder).encode()], [control.fileno(), commands.fileno()])
            self.pid = int.from_bytes(nursery.socket.recv(8), "big")
        assert self.run(setup_code()).ended is None

    def run(self, source, seconds=60.0):
        self._write(source)
        return self._read(seconds)

    def begin_serving(self):
        self._write(serve_code(CONTROL))

    def end_serving(self, seconds):
        ran = self._read(seconds)
        if _late(ran):
            os.kill(self.pid, signal.SIGINT)
            ran = self._read(seconds)
        return not_stopped(seconds) if _late(ran) else ran

    def _write(self, line):
        with contextlib.suppress(OSError):  # a kernel that is gone is noticed when it does not answer
            self.socket.settimeout(10)
            self.socket.sendall(json.dumps(line).encode() + b"\n")

    def _read(self, seconds):
        self.socket.settimeout(seconds)
        try:
            while b"\n" not in self.data:
                part = self.socket.recv(1 << 16)
                if not part:
                    return kernel_ended()
                self.data += part
        except TimeoutError:
            return out_of_time(seconds)
        except OSError:
            return kernel_ended()
        line, _, self.data = self.data.partition(b"\n")
        said = json.loads(line)
        return raised(*said["error"]) if said["error"] else Ran(value=said["value"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.socket.close()
        self.control.close()


def _late(ran):
    return ran.ended is not None and ran.ended.cause is Cause.OUT_OF_TIME


def notebook(*cells):
    """A notebook of the instructor: each cell is a source, or (id, source) of an answer, or (id, source, points) of a check."""
    nb = nbformat.v4.new_notebook()
    for cell in cells:
        cell = (cell,) if isinstance(cell, str) else cell
        made = nbformat.v4.new_code_cell(cell[-1] if len(cell) < 3 else cell[1])
        if len(cell) > 1:
            made.metadata["nbgrader"] = {
                "grade_id": cell[0],
                "solution": len(cell) == 2,
                "grade": len(cell) == 3,
                "locked": True,
            }
        if len(cell) == 3:
            made.metadata["nbgrader"]["points"] = cell[2]
        nb.cells.append(made)
    return nb


def told_of(verdict):
    """What a student reads of a verdict."""
    return message(verdict.id, verdict.finding)


def cells_of(*cells):
    return code_cells_of(notebook(*cells))
