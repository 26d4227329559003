"""What the grader itself reads of a student's notebook: it cannot fail, hang, or repeat what the text says."""

from __future__ import annotations

import json
import threading
import time

import nbformat
import pytest

from autograder.notebook import assemble, code_cells, syntax
from autograder.notebook.code_cells import CHECK, LOCKED, CodeCell
from autograder.notebook.read import SubmissionError, read_submitted
from autograder.plain_text import plain
from autograder.remarks import About


@pytest.mark.parametrize(
    "source",
    ["x = '\0'", "\ud800", "(" * 100_000, "x = 0" + " + 0" * 5_000, "x = " + "-" * 3_000 + "1", "x" + ".a" * 3_000],
    ids=["null", "surrogate", "parentheses", "sum", "minus", "attributes"],
)
def test_text_that_python_refuses_in_any_way_has_no_statements(source):
    assert syntax.statements(source) == []


def test_what_is_deep_but_honest_is_read():
    [statement] = syntax.statements("x = y" + " + 1" * 200)
    assert syntax.mentioned(statement) == {"x", "y"}


def test_threads_make_syntax_trees_without_disturbing_each_other():
    source = "\n".join(f"def f{n}(x):\n    return [x + {n} for x in range(x) if (lambda y: y)(x)]" for n in range(150))
    failed = []

    def work():
        for _ in range(4):
            try:
                syntax.parse(source)
            except BaseException as e:
                failed.append(e)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_statements_that_all_need_each_other_are_found_quickly():
    chain = CodeCell(LOCKED, "", "\n".join(f"x{n} = x{n + 1}" for n in range(8_000)) + "\nother = 1")
    begun = time.monotonic()
    found = code_cells.needed([chain, CodeCell(CHECK, "a", "assert x0")])
    assert found == {(0, n) for n in range(8_000)}
    assert time.monotonic() - begun < 30  # a second; with the square of their number it was many minutes


def notebook(*sources, **changes):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return json.loads(json.dumps(made)) | changes


def released(source="def f():\n    raise NotImplementedError"):
    made = nbformat.from_dict(notebook(source))
    made.cells[0].metadata.nbgrader = {"grade": False, "grade_id": "f", "locked": False, "solution": True}
    return made


def read(tmp_path, data):
    path = tmp_path / "x.ipynb"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return read_submitted(path)


def test_halves_of_characters_are_replaced(tmp_path):
    assert read(tmp_path, notebook("a = '\ud800'")).cells[0].source == "a = '?'"
    assert plain("a\ud800b") == "ab"


def test_what_a_notebook_says_is_not_printed(tmp_path, capfd, recwarn):
    data = notebook("1", "2")
    data["cells"][0].update(id="same", metadata={"\x1b[31m": 1}, execution_count="\x1b[31mred")
    data["cells"][1]["id"] = "same"
    assert len(read(tmp_path, data).cells) == 2
    assert capfd.readouterr() == ("", "") and not recwarn.list


def test_too_many_parts_are_refused(tmp_path):
    with pytest.raises(SubmissionError, match="too many parts for a notebook: about 600,"):
        read(tmp_path, '{"cells": [' + "[]," * 600_000 + "[]]}")


@pytest.mark.parametrize(("length", "taken"), [(assemble.LONGEST_CELL, True), (assemble.LONGEST_CELL + 1, False)])
def test_a_very_long_answer_is_not_taken_and_that_is_said(length, taken):
    theirs = released("x" * length)
    made = assemble.assemble(released(), theirs)
    assert (made.notebook.cells[0].source == theirs.cells[0].source) is taken
    assert (About.LONG_CELL in {remark.about for remark in made.remarks}) is not taken


def test_added_cells_are_bounded_and_the_first_stay():
    theirs = released()
    theirs.cells += [nbformat.v4.new_code_cell(str(n)) for n in range(assemble.MOST_ADDED + 1)]
    made = assemble.assemble(released(), theirs)
    assert len(made.notebook.cells) == 1 + assemble.MOST_ADDED and made.notebook.cells[1].source == "0"
    assert About.MORE_CELLS in {remark.about for remark in made.remarks}
