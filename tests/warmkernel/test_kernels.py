"""Unmodified Jupyter tools run notebooks in warm kernels: they only name the kernelspec."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from warm_client import LIGHT, ROOT

from warmkernel import kernelspec, settings

pytestmark = pytest.mark.kernel

# Process 2 of its namespace, as user 1000: true of no ordinary kernel.
WHERE = "import os; print(os.getpid(), os.getuid())"


@pytest.fixture(scope="module")
def environment(sandbox_works, tmp_path_factory):
    """Environment variables with which Jupyter finds the kernelspec `warmkernel`."""
    prefix = tmp_path_factory.mktemp("prefix")
    command = [sys.executable, "-m", "warmkernel", "install", "--prefix", str(prefix), "--limit", "memory=1 GiB"]
    done = subprocess.run(
        [*command, *(f"--preload={name}" for name in LIGHT)], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    spec = json.loads((prefix / "share/jupyter/kernels/warmkernel/kernel.json").read_text(encoding="utf-8"))
    assert settings.read(spec["metadata"]).limits.memory == 2**30
    changed = {"JUPYTER_PATH": str(prefix / "share/jupyter"), "HOME": str(prefix)}
    changed["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    changed["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # nbgrader calls alembic
    return os.environ | changed


def notebook(path, *sources):
    spec = {"name": "warmkernel", "display_name": kernelspec.DISPLAY_NAME, "language": "python"}
    cells = [source if isinstance(source, dict) else new_code_cell(source) for source in sources]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    return path


def run(environment, *command, cwd):
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )


def printed(path):
    cells = nbformat.read(path, 4).cells
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in cells if cell.cell_type == "code"]


def test_nbclient(environment, tmp_path):
    """With the notebook's folder as working folder, and a cell that fails as expected."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "films.txt").write_text("seven", encoding="utf-8")
    notebook(
        tmp_path / "n.ipynb", WHERE, "print(open('data/films.txt').read())", "open('new.txt', 'w').write('x')", "1 / 0"
    )
    script = (
        "import nbformat, sys; from nbclient import NotebookClient\n"
        "book = nbformat.read('n.ipynb', 4)\n"
        "NotebookClient(book, allow_errors=True, resources={'metadata': {'path': '.'}}).execute()\n"
        "nbformat.write(book, 'n.ipynb')"
    )
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    done = run(environment, "script", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert printed(tmp_path / "n.ipynb")[:2] == ["2 1000\n", "seven\n"]
    assert nbformat.read(tmp_path / "n.ipynb", 4).cells[3].outputs[0].ename == "ZeroDivisionError"
    assert not (tmp_path / "new.txt").exists()  # it stayed in the sandbox


def test_jupyter_execute(environment, tmp_path):
    notebook(tmp_path / "n.ipynb", WHERE)
    done = run(environment, "jupyter", "execute", "--inplace", "n.ipynb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert printed(tmp_path / "n.ipynb") == ["2 1000\n"]


def test_nbval(environment, tmp_path):
    """Passes if the outputs agree, and reports where they do not."""
    path = notebook(tmp_path / "n.ipynb", WHERE, "print('as it was')")
    book = nbformat.read(path, 4)
    for cell, text in zip(book.cells, ("2 1000\n", "as it was\n"), strict=True):
        cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text=text)], 1
    nbformat.write(book, path)
    command = ("pytest", "--nbval", "-q", "-p", "no:cacheprovider", "n.ipynb")
    done = run(environment, *command, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    book.cells[1].outputs[0].text = "as it never was\n"
    nbformat.write(book, path)
    done = run(environment, *command, cwd=tmp_path)
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout


def test_nbgrader(environment, tmp_path):
    """A class is graded with stock nbgrader; a submission that overwrites the gradebook reaches nothing."""
    solution = "def answer():\n    ### BEGIN SOLUTION\n    return 42\n    ### END SOLUTION"
    sources = {
        "answer": (solution, True),
        "test": (f"{WHERE}\nassert os.getuid() == 1000\nassert answer() == 42", False),
    }
    cells = []
    for name, (source, answers) in sources.items():
        marks = {"grade": not answers, "solution": answers, "locked": not answers, "schema_version": 3, "task": False}
        more = {"cell_type": "code", "grade_id": name} | ({} if answers else {"points": 5})
        cells.append(new_code_cell(source, metadata={"nbgrader": marks | more}))
    (tmp_path / "source" / "ps1").mkdir(parents=True)
    notebook(tmp_path / "source" / "ps1" / "p.ipynb", *cells)
    done = run(environment, "nbgrader", "generate_assignment", "ps1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    released = (tmp_path / "release" / "ps1" / "p.ipynb").read_text(encoding="utf-8")
    destroy = f"open({str(tmp_path / 'gradebook.db')!r}, 'w')"
    answers = {"right": "return 42", "wrong": "return 41", "vandal": f"{destroy}; return 42"}
    for student, answer in answers.items():
        folder = tmp_path / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        mine = re.sub(
            r"# YOUR CODE HERE\\n\",\s*\"    raise NotImplementedError\(\)", answer.replace("\\", r"\\"), released
        )
        assert mine != released
        (folder / "p.ipynb").write_text(mine, encoding="utf-8")
    done = run(
        environment, "nbgrader", "autograde", "ps1", "--ExecutePreprocessor.kernel_name=warmkernel", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    done = run(environment, "nbgrader", "export", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    header, *lines = [line.split(",") for line in (tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()]
    marks = {line[header.index("student_id")]: float(line[header.index("score")]) for line in lines}
    assert marks == {"right": 5.0, "wrong": 0.0, "vandal": 0.0}


def test_jupyterlab(environment, tmp_path):
    """As a browser does: start a kernel, run a cell, interrupt it, restart it, end it."""
    arguments = ["--no-browser", "--port=0", "--IdentityProvider.token=t", f"--ServerApp.root_dir={tmp_path}"]
    arguments += ["--allow-root"] if os.geteuid() == 0 else []
    with open(tmp_path / "log", "w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *arguments], env=environment, stdout=log, stderr=log, cwd=tmp_path
        )
        try:
            address = None
            while address is None:
                assert server.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
                time.sleep(0.2)
                address = re.search(
                    r"http://(?:localhost|127\.0\.0\.1):(\d+)/", (tmp_path / "log").read_text(encoding="utf-8")
                )
            browser = Browser(int(address[1]))
            while not browser.is_answered():  # it prints its address before it listens there
                assert server.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
                time.sleep(0.2)
            assert "warmkernel" in browser.ask("GET", "kernelspecs")["kernelspecs"]
            kernel = browser.ask("POST", "kernels", {"name": "warmkernel"})["id"]
            assert browser.run(kernel, WHERE) == "2 1000\n"
            assert browser.run(kernel, "import time; x = 1; time.sleep(600)", interrupt=True) == "KeyboardInterrupt"
            assert browser.run(kernel, "print(x)") == "1\n"
            browser.ask("POST", f"kernels/{kernel}/restart")
            assert browser.run(kernel, "print(x)") == "NameError"
            browser.ask("DELETE", f"kernels/{kernel}")
            assert browser.ask("GET", "kernels") == []
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


class Browser:
    """The part of JupyterLab's front end that talks to kernels."""

    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"

    def is_answered(self):
        host, _, port = self.address.partition(":")
        with socket.socket() as line:
            return line.connect_ex((host, int(port))) == 0

    def ask(self, method, what, body=None):
        request = urllib.request.Request(f"http://{self.address}/api/{what}", method=method)
        request.add_header("Authorization", "token t")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def run(self, kernel, code, interrupt=False):
        """The output of the cell, or the name of its error."""
        import asyncio

        return asyncio.run(self._run(kernel, code, interrupt))

    async def _run(self, kernel, code, interrupt):
        from tornado.websocket import websocket_connect

        socket = await websocket_connect(f"ws://{self.address}/api/kernels/{kernel}/channels?token=t")
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        header = {"msg_id": "asked", "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await socket.write_message(json.dumps({**message, "buffers": []}))
        said = ""
        while True:
            text = await socket.read_message()
            assert text is not None, "the server closed the connection"
            reply = json.loads(text)
            if reply["parent_header"].get("msg_id") != "asked":
                continue
            if reply["msg_type"] == "execute_input" and interrupt:
                self.ask("POST", f"kernels/{kernel}/interrupt")
            said += reply["content"].get("text", "") if reply["msg_type"] == "stream" else ""
            if reply["msg_type"] == "error":
                said += reply["content"]["ename"]
            if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                socket.close()
                return said


def test_an_environment_with_an_installed_distribution(environment, tmp_path):
    """Not editable, and in /tmp: of the packages installed with warmkernel, a notebook sees only the listed ones."""
    place = tmp_path / "env"
    subprocess.run([os.path.realpath(sys.executable), "-m", "venv", "--without-pip", str(place)], check=True)
    packages = next(place.glob("lib/python3*/site-packages"))
    ours = packages / "course-1.dist-info"
    ours.mkdir()
    (ours / "METADATA").write_text("Metadata-Version: 2.1\nName: course\nVersion: 1\n", encoding="utf-8")
    (ours / "entry_points.txt").write_text(
        "[jupyter_client.kernel_provisioners]\nwarmkernel-provisioner = warmkernel.provisioner:WarmProvisioner\n",
        encoding="utf-8",
    )
    for name in ("for_students", "for_instructors"):
        (packages / name).mkdir()
        (packages / name / "__init__.py").write_text("answer = 42", encoding="utf-8")
    shutil.copytree(ROOT / "warmkernel", packages / "warmkernel")
    files = [p.relative_to(packages) for p in packages.rglob("*") if p.is_file() and p.suffix in (".py", ".txt", "")]
    (ours / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")
    libraries = os.path.dirname(os.path.dirname(nbformat.__file__))
    (packages / "libraries.pth").write_text(libraries + "\n", encoding="utf-8")
    python = str(place / "bin" / "python")
    alone = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "JUPYTER_PATH")}
    install = [python, "-m", "warmkernel", "install", "--sys-prefix", "--package", "for_students", "--show", libraries]
    subprocess.run([*install, *(f"--preload={name}" for name in LIGHT)], env=alone, check=True)
    tried = "import for_students, os\nprint(for_students.answer)\ntry:\n    from for_instructors import answer\n"
    notebook(tmp_path / "n.ipynb", f"{tried}except ImportError as error:\n    print(error)")
    command = [python, "-c", "from nbclient.cli import main; main()", "--inplace", "n.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    (text,) = printed(tmp_path / "n.ipynb")
    assert text.startswith("42\ncannot import name 'answer' from 'for_instructors'")
