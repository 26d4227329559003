"""The responder in a Jupyter kernel: it serves in the main thread, as a cell, and what a call prints is caught."""

import contextlib
import os
import socket

import pytest
from jupyter_client.manager import start_new_kernel
from plain_kernel import cells_of, told_of

from autograder.check.runner.responder_code import serve_code, setup_code
from autograder.check.runner.servers import Server
from autograder.run.results import Ran, Seconds, raised
from autograder.run.walk import walk

pytestmark = pytest.mark.kernel


class JupyterKernel:
    def __init__(self):
        self.control, self.theirs = socket.socketpair()
        os.set_inheritable(self.theirs.fileno(), True)
        self.manager, self.client = start_new_kernel(kernel_name="python3", pass_fds=(self.theirs.fileno(),))
        assert self.run(setup_code(), 60).ended is None

    def run(self, source, seconds):
        content = self.client.execute_interactive(source, timeout=seconds, output_hook=lambda _: None)["content"]
        return raised(content["ename"], content["evalue"]) if content["status"] == "error" else Ran()

    def begin_serving(self):
        self.asked = self.client.execute(serve_code(self.theirs.fileno()))

    def end_serving(self, seconds):
        while self.client.get_shell_msg(timeout=seconds)["parent_header"]["msg_id"] != self.asked:
            pass
        return Ran()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.control.close()
        self.theirs.close()


def test_check_cells_in_a_jupyter_kernel():
    course = cells_of(
        "%matplotlib inline\nimport contextlib, io, threading\nfrom unittest.mock import patch",
        ("f", "import threading\ndef f(x):\n    print('f of', x)\n    return 2 * x if threading.current_thread() is threading.main_thread() else None"),
        ("f-1", "out = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    assert f(2) == 4\nassert out.getvalue() == 'f of 2\\n'", 1),
        ("g", "def g():\n    return input('name? ')"),
        ("g-1", "with patch('builtins.input', return_value='ann'):\n    assert g() == 'ann'", 1),
        ("g-2", "g()", 1),
    )  # fmt: skip
    with Server(course) as server, server.submission() as submission:
        found = walk(course, lambda: contextlib.closing(JupyterKernel()), submission, {}, Seconds(10))
    assert [v.status for v in found.values()] == ["passed", "passed", "failed"]
    assert told_of(found["g-2"]) == "EOFError: no input is available"
