"""`make lab` opens JupyterLab on the notebooks, with a kernel that works."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
import websocket

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
SECONDS = 120

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not shutil.which("make"), reason="needs make"),
    pytest.mark.skipif(not PYTHON.exists(), reason="needs the environment in .venv (make setup)"),
]


@pytest.fixture
def lab():
    """A running `make lab`: (address, token, process). It is stopped with all its child processes."""
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    token = uuid.uuid4().hex
    arguments = f"--no-browser --ServerApp.ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    server = subprocess.Popen(
        ["make", "-o", "setup", "lab", f"LAB_ARGS={arguments}"], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    try:
        yield f"127.0.0.1:{port}", token, server
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.stdout.close()


def ask(address, token, path, data=None, method=None):
    request = urllib.request.Request(
        f"http://{address}/api/{path}", method=method, headers={"Authorization": f"token {token}"},
        data=None if data is None else json.dumps(data).encode(),
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:
        body = answer.read()
    return json.loads(body) if body else None


def wait_for(address, token, server):
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        assert server.poll() is None, server.stdout.read()
        with contextlib.suppress(OSError):
            return ask(address, token, "status")
        time.sleep(0.3)
    raise AssertionError(f"JupyterLab did not answer within {SECONDS} s")


def run_in_kernel(address, token, kernel, code):
    """The output of `code`, run in a kernel over its channel."""
    channel = websocket.create_connection(
        f"ws://{address}/api/kernels/{kernel}/channels", timeout=SECONDS, header=[f"Authorization: token {token}"]
    )
    try:
        message = uuid.uuid4().hex
        header = {
            "msg_id": message,
            "msg_type": "execute_request",
            "username": "",
            "session": message,
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        channel.send(
            json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
        )
        printed = ""
        while True:
            got = json.loads(channel.recv())
            if got["parent_header"].get("msg_id") != message:
                continue
            if got["msg_type"] == "stream":
                printed += got["content"]["text"]
            assert got["msg_type"] != "error", got["content"]
            if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
                return printed
    finally:
        channel.close()


def test_make_lab_serves_the_notebooks_and_starts_a_kernel(lab):
    address, token, server = lab
    wait_for(address, token, server)
    folders = {entry["name"] for entry in ask(address, token, "contents")["content"]}
    assert {path.name for path in (ROOT / "notebooks").glob("[0-9]*")} <= folders
    specs = ask(address, token, "kernelspecs")
    assert "python3" in specs["kernelspecs"]
    folder = sorted(folders)[0]
    kernel = ask(address, token, "kernels", {"name": "python3", "path": f"{folder}/x.ipynb"}, "POST")["id"]
    code = "import os, sys, medxai; print(sys.executable); print(os.path.basename(os.getcwd())); print(1 + 1)"
    executable, where, two = run_in_kernel(address, token, kernel, code).splitlines()
    assert Path(executable).parent == PYTHON.parent and where == folder and two == "2"
    ask(address, token, f"kernels/{kernel}", method="DELETE")
