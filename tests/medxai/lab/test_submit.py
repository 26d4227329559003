"""Handing in, on the student's side: what is packed, and what is refused in words a student understands."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest

from medxai.__main__ import main
from medxai.lab.submit import SubmitError, clean, pack


def notebook(path, source="def f():\n    return 1", lab="01_tiny", release="01-r2", notebooks=None):
    nb = nbformat.v4.new_notebook()
    solution = {"grade": False, "grade_id": "f", "locked": False, "schema_version": 3, "solution": True, "task": False}
    nb.cells = [nbformat.v4.new_code_cell(source, metadata={"nbgrader": solution})]
    nb.metadata["medxai"] = {
        "lab": lab,
        "release": release,
        "notebook": path.stem,
        "notebooks": notebooks or [path.stem],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A student's folder, with the student in it."""
    notebook(tmp_path / "notebooks" / "01_tiny" / "01_tiny.ipynb")
    notebook(tmp_path / "notebooks" / "02_two" / "02a.ipynb", lab="02_two", notebooks=["02a", "02b"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_file_with_notebook_and_who_when_what(home, capsys):
    (home / "notebooks/01_tiny/scratch.txt").write_text("mine", encoding="utf-8")
    assert main(["submit", "1", "--student", "ada"]) == 0
    said = capsys.readouterr().out
    assert "01--ada.zip" in said and "01_tiny.ipynb" in said and "Upload this one file" in said
    with zipfile.ZipFile(home / "01--ada.zip") as archive:
        assert sorted(archive.namelist()) == ["01_tiny.ipynb", "submission.json"]
        about = json.loads(archive.read("submission.json"))
        data = archive.read("01_tiny.ipynb")
    assert data == (home / "notebooks/01_tiny/01_tiny.ipynb").read_bytes()
    assert (about["lab"], about["student"], about["release"]) == ("01_tiny", "ada", "01-r2")
    assert about["notebooks"] == {"01_tiny.ipynb": hashlib.sha256(data).hexdigest()}


def test_it_works_from_inside_the_labs_folder_and_again(home, monkeypatch):
    monkeypatch.chdir(home / "notebooks/01_tiny")
    for _ in range(2):
        assert main(["submit", "01", "--student", "ada", "--out", str(home / "out" / "deep")]) == 0
    assert [p.name for p in (home / "out/deep").iterdir()] == ["01--ada.zip"]


@pytest.mark.parametrize(
    ("given", "name"),
    [("ada", "ada"), ("Ada Lovelace", "Ada-Lovelace"), ("José Núñez", "Jose-Nunez"), ("../../etc/x", "etc-x"), ("a--b", "a-b"), ("x" * 99, "x" * 64)],
)  # fmt: skip
def test_names_are_safe(given, name):
    assert clean(given) == name


def test_a_name_of_nothing_is_refused():
    for given in ("", "..", "???", "李"):
        with pytest.raises(SubmitError, match="--student YOUR-NAME"):
            clean(given)


def test_a_student_who_forgot_to_save_is_told(home, capsys):
    notebook(home / "notebooks/01_tiny/01_tiny.ipynb", "def f():\n    raise NotImplementedError")
    assert main(["submit", "01", "--student", "ada"]) == 0
    assert "Did you save the notebook (Ctrl+S)?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a saved notebook"),
        (b'{"cells": [', "is not a saved notebook"),
        (b"<html>login</html>", "is not a saved notebook"),
        (b"[1, 2]", "JSON, but not a notebook"),
        (b"[" * 100_000, "is not a saved notebook"),
        (b'{"cells": [], "metadata": {}}', "belongs to the course"),
    ],
)
def test_what_is_no_notebook_is_refused(home, capsys, content, message):
    (home / "notebooks/01_tiny/01_tiny.ipynb").write_bytes(content)
    assert main(["submit", "01", "--student", "ada"]) == 2
    assert message in capsys.readouterr().err
    assert not list(home.glob("*.zip"))


@pytest.mark.parametrize("kind", ["folder", "dangling link", "pipe"])
def test_what_is_no_file_is_named(home, capsys, kind):
    path = home / "notebooks/01_tiny/more.ipynb"
    {"folder": path.mkdir, "dangling link": lambda: path.symlink_to("gone"), "pipe": lambda: os.mkfifo(path)}[kind]()
    assert main(["submit", "01", "--student", "ada"]) == 2
    assert "more.ipynb is not a file" in capsys.readouterr().err and not list(home.glob("*.zip"))


def test_wrong_places_are_named(home, capsys):
    for words, message in [
        (["07"], "Lab not found: '07'. Labs found: 01_tiny, 02_two"),
        (["01", "--folder", "nowhere"], "Folder not found: nowhere"),
        (["01", "--folder", "notebooks"], "No notebook (.ipynb) in notebooks"),
        (["01", "--folder", "notebooks/02_two"], "contains lab 02_two, not lab 01"),
        (["02"], "02b.ipynb, part of this lab, is missing in"),
    ]:
        assert main(["submit", *words, "--student", "ada"]) == 2
        assert message in capsys.readouterr().err
    assert not list(home.glob("*.zip"))


def test_a_notebook_of_ones_own_beside_it_is_left_out(home):
    nbformat.write(nbformat.v4.new_notebook(), home / "notebooks/01_tiny/notes.ipynb")
    _, about, notes = pack("01", home / "notebooks/01_tiny", "ada", home)
    assert list(about["notebooks"]) == ["01_tiny.ipynb"] and "notes.ipynb is not a notebook of the course" in notes[0]


def test_the_command_needs_neither_nbgrader_nor_tensorflow(home):
    code = (
        "import sys\n"
        "for name in ('nbgrader', 'nbformat', 'tensorflow', 'autograder', 'numpy'): sys.modules[name] = None\n"
        "from medxai.__main__ import main\n"
        "sys.exit(main(['submit', '01', '--student', 'ada']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_an_unknown_command_says_what_there_is(capsys):
    assert main(["hand-in"]) == 2
    assert "No such command 'hand-in'" in (err := capsys.readouterr().err) and "python -m medxai --help" in err
    assert main(["--help"]) == 0 and "submit" in capsys.readouterr().out
