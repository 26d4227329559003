"""Attacks by the notebook's file: altered cells, cells that do not run, formats, and honest notebooks that other graders punish."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.attack.kinds import ALL, OPEN, SECOND, Desk, Kinds
from autograder.check.protocol.verdict import Cause
from autograder.notebook.cells import grade_id_of
from autograder.record.records import FAILED
from autograder.remarks import About

WRONG = "def centre(values):\n    return values + 1\n"
Edit = Callable[[NotebookNode], Any]


def cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """The cells with a grade_id, keyed by it."""
    return {grade_id_of(cell): cell for cell in notebook.cells if grade_id_of(cell)}


def edited(kinds: Kinds, name: str, tries: str, edit: Edit, wrong: bool = False, **expected: Any) -> None:
    """Adds an edited submission with correct answers (`wrong`: with a wrong `centre`)."""

    def submit(desk: Desk) -> None:
        notebook = desk.answered(**({"centre": WRONG} if wrong else {}))
        edit(notebook)
        desk.hand_in(notebook)

    kinds.add(name, tries, submit, **{"marks": SECOND if wrong else ALL, **expected})


altered = Kinds("altered notebook")
edited(
    altered,
    "test-deleted",
    "a graded cell is deleted",
    lambda nb: nb.cells.remove(cells(nb)["centre-1"]),
    wrong=True,
    because={About.CELL_MISSING},
)


@altered.kind(
    "tests-deleted", "two adjacent graded cells are deleted", marks=SECOND, because={About.CELL_MISSING}, quick=True
)
def _deleted(desk: Desk) -> None:
    notebook = desk.answered(centre=WRONG)
    for name in ("centre-1", "centre-2"):
        notebook.cells.remove(cells(notebook)[name])
    desk.hand_in(notebook)


def _copied(notebook: NotebookNode) -> None:
    copy = from_dict(json.loads(json.dumps(cells(notebook)["centre"])))
    copy.source, copy.id = WRONG, "copied"
    notebook.cells.append(copy)


def _rename(notebook: NotebookNode) -> None:
    cells(notebook)["centre-1"].metadata.nbgrader.grade_id = "centre-9"


def _retype(notebook: NotebookNode) -> None:
    cells(notebook)["centre-1"].metadata.nbgrader.update(solution=True, grade=False, locked=False)


def _empty_tests(notebook: NotebookNode) -> None:
    for name in ("centre-1", "centre-2"):
        cells(notebook)[name].source = "pass"
        cells(notebook)[name].metadata.nbgrader.locked = False


def _points(value: Any) -> Edit:
    return lambda notebook: cells(notebook)["centre-1"].metadata.nbgrader.update(points=value)


def _markdown(notebook: NotebookNode) -> None:
    cell = cells(notebook)["centre-1"]
    cell.cell_type = "markdown"
    cell.pop("outputs", None)
    cell.pop("execution_count", None)


def _same_ids(notebook: NotebookNode) -> None:
    """Added cells with the ids of ours, and with those that we would assign."""
    for name in ("added-0", "added-1", cells(notebook)["centre-1"].id):
        cell = new_code_cell("import numpy as np")
        cell.id = name
        notebook.cells.insert(1, cell)


edited(
    altered,
    "solution-copied",
    "the solution cell appears twice, the wrong one last",
    _copied,
    marks=SECOND,
    because={About.DOUBLE},
    quick=True,
)
edited(
    altered,
    "points-edited",
    "a cell is worth a million points",
    _points(1_000_000),
    wrong=True,
    because={About.POINTS_CHANGED},
)
edited(altered, "points-text", "points are text", _points("many"), because={About.POINTS_CHANGED})
edited(altered, "points-nan", "points are not a number", _points(float("nan")), because={About.POINTS_CHANGED})
edited(
    altered,
    "tests-emptied",
    "graded cells are unlocked and emptied",
    _empty_tests,
    wrong=True,
    because={About.LOCKED_CHANGED},
    quick=True,
)
edited(altered, "id-renamed", "a graded cell is renamed", _rename, wrong=True)
edited(altered, "test-as-solution", "a graded cell becomes a solution cell", _retype, wrong=True)
edited(altered, "type-changed", "a graded cell becomes a text cell", _markdown, wrong=True)
edited(
    altered,
    "no-schema-version",
    "one cell lacks schema_version",
    lambda nb: cells(nb)["centre-1"].metadata.nbgrader.pop("schema_version"),
)
edited(
    altered,
    "empty-nbgrader",
    "a plain cell has empty nbgrader metadata",
    lambda nb: nb.cells[1].metadata.update(nbgrader={}),
    quick=True,
)
edited(
    altered,
    "nbgrader-a-list",
    "the nbgrader metadata are a list",
    lambda nb: cells(nb)["centre-1"].metadata.update(nbgrader=[1]),
)
edited(altered, "cells-reversed", "the cells are in reverse order", lambda nb: nb.cells.reverse())
edited(altered, "same-ids", "added cells use the ids of ours", _same_ids)
edited(
    altered,
    "claims-release",
    "the metadata claim a release outside the course",
    lambda nb: nb.metadata.update(medxai={"release": "../../x"}),
    because={About.OTHER_RELEASE},
)
edited(
    altered,
    "check-written",
    "a check cell added by the student, with points",
    lambda nb: nb.cells.append(
        new_code_cell(
            "pass",
            metadata={
                "nbgrader": {
                    "grade": True,
                    "grade_id": "bonus",
                    "points": 100,
                    "locked": True,
                    "schema_version": 3,
                    "solution": False,
                }
            },
        )
    ),
    wrong=True,
)

skipped = Kinds("cells that do not run")


def _tags(*tags: str) -> Edit:
    def edit(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.metadata.tags = list(tags)

    return edit


edited(
    skipped,
    "skip-execution",
    "tags that prevent test cells from running",
    _tags("skip-execution", "demo"),
    wrong=True,
    quick=True,
)
edited(skipped, "raises-exception", "tags that allow test cells to fail", _tags("raises-exception"), wrong=True)
edited(skipped, "tags-no-list", "tags are not a list", lambda nb: nb.cells[1].metadata.update(tags=5))

formats = Kinds("formats")


def raw(name: str, tries: str, text: Callable[[Desk], str | bytes], **expected: Any) -> None:
    """Adds a submission whose notebook has these contents."""
    formats.add(name, tries, lambda desk: _write(desk, text(desk)), **{"marks": OPEN, "status": FAILED, **expected})


def _write(desk: Desk, text: str | bytes) -> None:
    desk.write(text)


def _json(desk: Desk, **changes: Any) -> str:
    return json.dumps({**desk.answered(), **changes})


def _old(desk: Desk) -> str:
    """The notebook in format 3, which has no ids and uses other names."""
    made = []
    for cell in desk.answered().cells:
        if cell.cell_type == "code":
            made.append(
                {
                    "cell_type": "code",
                    "input": cell.source,
                    "language": "python",
                    "metadata": cell.metadata,
                    "outputs": [],
                    "collapsed": False,
                }
            )
        else:
            made.append({"cell_type": "markdown", "source": cell.source, "metadata": cell.metadata})
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": made, "metadata": {}}]}
    )


def _without_ids(desk: Desk, id: Any = None) -> str:
    notebook = desk.answered()
    for cell in notebook.cells:
        cell.pop("id")
        if id is not None:
            cell["id"] = id
    return json.dumps(notebook)


raw("malformed", "truncated JSON", lambda desk: _json(desk)[:-200], because={About.NO_JSON}, quick=True)
raw("empty", "an empty file", lambda desk: "", because={About.EMPTY})
raw("nested", "JSON nested 100,000 deep", lambda desk: "[" * 100_000, because={About.NESTED, About.NO_JSON})
raw(
    "nested-metadata",
    "metadata nested 900 deep",
    lambda desk: _json(desk)[:-1] + ', "x": ' + "[" * 900 + "]" * 900 + "}",
    marks=ALL,
    exact=False,
    status="",
)
raw(
    "web-page",
    "a login page",
    lambda desk: "<!DOCTYPE html><html><body>Please log in</body></html>",
    because={About.WEB_PAGE},
    quick=True,
)
raw(
    "merge-conflict",
    "a merge conflict",
    lambda desk: "<<<<<<< HEAD\n" + _json(desk) + "\n=======\n>>>>>>> theirs\n",
    because={About.NO_JSON},
)
raw(
    "invalid-utf8",
    "bytes that are not valid UTF-8",
    lambda desk: b"\xff\xfe" + _json(desk).encode(),
    because={About.NO_JSON},
)
raw("nbformat-3", "format 3", _old, marks=ALL, status="graded")
raw("nbformat-4-9", "format 4.9", lambda desk: _json(desk, nbformat_minor=9), marks=ALL, status="graded")
raw("nbformat-5", "format 5", lambda desk: _json(desk, nbformat=5), marks=ALL, exact=False, status="")
raw(
    "nbformat-text",
    "the format is text",
    lambda desk: _json(desk, nbformat="4", nbformat_minor=[]),
    marks=ALL,
    exact=False,
    status="",
)
raw("no-ids", "cells without ids", _without_ids, marks=ALL, status="graded")
raw("equal-ids", "all cells have the same id", lambda desk: _without_ids(desk, "same"), marks=ALL, status="graded")
raw("odd-ids", "the ids are lists", lambda desk: _without_ids(desk, [1]), marks=ALL, exact=False, status="")
raw(
    "other-kernel",
    "another kernel",
    lambda desk: _json(desk, metadata={"kernelspec": {"name": "../../bin/sh", "language": "R", "display_name": "R"}}),
    marks=ALL,
    status="graded",
)
raw("no-kernel", "no metadata", lambda desk: _json(desk, metadata={}), marks=ALL, status="graded")
raw("cells-no-list", "the cells are not a list", lambda desk: _json(desk, cells={"a": 1}), because={About.NO_CELLS})
raw(
    "cells-of-numbers",
    "the cells are numbers",
    lambda desk: _json(desk, cells=[1, 2, None]),
    because={About.CELLS_UNREADABLE},
)
raw(
    "many-lists",
    "6 million empty lists as cells",
    lambda desk: '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [' + "[]," * 6_000_000 + "[]]}",
    because={About.TOO_MANY_PARTS},
)
raw("too-large", "a notebook of 60 MB", lambda desk: _json(desk) + " " * 60_000_000, because={About.TOO_LARGE})


def _half(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source += "\n# \ud800 \udfff"


def _half_shown(notebook: NotebookNode) -> None:
    notebook.cells.append(new_markdown_cell("\ud800"))
    cells(notebook)["in_words"].source = "\udcff"
    cells(notebook)["centre"].outputs = [{"output_type": "stream", "name": "stdout", "text": "\ud83d"}]


edited(
    formats,
    "surrogate",
    "a lone surrogate in every cell",
    _half,
    quick=True,
)
edited(
    formats,
    "surrogate-output",
    "a lone surrogate in the printed output and in the written answer",
    _half_shown,
)
edited(
    formats,
    "null-byte",
    "a null byte in an answer",
    lambda nb: cells(nb)["centre"].update(source="x = '\0'\n"),
    marks=SECOND,
    because={Cause.CELL_RAISED},
)
edited(
    formats,
    "parentheses",
    "100,000 parentheses in an answer",
    lambda nb: cells(nb)["centre"].update(source="x = " + "(" * 100_000 + ")" * 100_000),
    marks=SECOND,
)
edited(
    formats,
    "deep-expression",
    "an expression nested 5,000 deep in an answer",
    lambda nb: cells(nb)["centre"].update(
        source="x = 0" + " + 0" * 5_000 + "\ny = " + "-" * 3_000 + "1\nz = x" + ".a" * 3_000
    ),
    marks=SECOND,
    quick=True,
)
edited(
    formats,
    "large-cell",
    "an answer of 15 MB",
    lambda nb: cells(nb)["centre"].update(source="x = 1;" * 2_500_000),
    marks=SECOND,
    because={About.LONG_CELL},
    quick=False,
)
edited(
    formats,
    "many-cells",
    "100,000 cells",
    lambda nb: nb.cells.extend(new_code_cell("1") for _ in range(100_000)),
    because={About.MORE_CELLS},
    quick=False,
)


def _chain(notebook: NotebookNode) -> None:
    """8,000 statements that a check seems to need, in reverse order."""
    lines = [f"x{n} = x{n + 1}" for n in range(8_000)]
    cells(notebook)["centre"].source += "\nx0 = 1\n"
    notebook.cells.insert(2, new_code_cell("import numpy as np\nnp = x0\n" + "\n".join(lines)))


edited(formats, "long-chain", "8,000 statements that each seem to need the next", _chain, exact=False)

honest = Kinds("honest, but loses marks")
PRINTS = "import sys\nprint('working', file=sys.stderr)\n"
for name, lines in {
    "prints-to-stderr": PRINTS,
    "warns": "import warnings\nwarnings.warn('a warning')\n",
    "keras-warns": "import keras\nmodel = keras.Sequential([keras.layers.Dense(1, input_shape=(1,))])\nmodel.compile()\nmodel.save('m.h5')\n",
    "library-writes": "import os\nos.write(2, b'a library says something\\n')\n",
}.items():
    inside = "".join(f"    {line}\n" for line in lines.splitlines() if "keras" not in line and "model" not in line)
    source = f"{lines}def centre(values):\n{inside}    return values - values.mean()\n"
    honest.answer(
        name,
        f"a correct answer that {name.replace('-', ' ')}",
        source,
        marks=ALL,
        quick=name in ("warns", "library-writes"),
    )

feedback = Kinds("feedback")
SCRIPT = "</pre></div></main><script>alert(1)</script><img src=x onerror=alert(2)>"


def _scripts(notebook: NotebookNode) -> None:
    found = cells(notebook)
    found["in_words"].source = SCRIPT + "\n\n[x](javascript:alert(3))"
    found["centre"].source += f"\n# {SCRIPT}"
    found["centre"].outputs = [
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/html": SCRIPT, "image/svg+xml": f"<svg>{SCRIPT}</svg>"},
        },
        {
            "output_type": "display_data",
            "metadata": {"image/png": {"alt": f'">{SCRIPT}'}},
            "data": {"image/png": "AAAA"},
        },
        {"output_type": "stream", "name": "stdout", "text": SCRIPT},
        {"output_type": "error", "ename": SCRIPT, "evalue": SCRIPT, "traceback": [SCRIPT]},
    ]
    notebook.cells.append(new_markdown_cell(SCRIPT))


def _markdown_bombs(notebook: NotebookNode) -> None:
    cells(notebook)["in_words"].source = "\n\n".join(
        [
            "[" * 20_000,
            "*a " * 20_000,
            ">" * 5_000,
            "`" * 20_001 + "a",
            "<a " * 20_000,
            "![" * 10_000,
            "- " * 3_000 + "a",
        ]
    )


edited(feedback, "scripts", "scripts in answers, outputs, names and descriptions", _scripts, quick=True)
edited(feedback, "markdown-bombs", "a written answer that is slow to render", _markdown_bombs)

GROUPS = (altered, skipped, formats, honest, feedback)
