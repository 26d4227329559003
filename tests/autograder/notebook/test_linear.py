"""What reads a student's text takes time in proportion to it: every pattern on its way, and the analysis of code.

Each text here is read within a second or two; with a pattern or an analysis that is quadratic it would take minutes, so the
process that tries them is ended by a limit on its processor time that no slow machine reaches.
"""

from __future__ import annotations

import ast
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parents[3]
ON_THE_WAY = ("collect", "notebook", "run", "check", "record", "report")
FILES = [path for room in ON_THE_WAY for path in sorted((ROOT / "autograder" / room).rglob("*.py"))]
FILES += [
    ROOT / "autograder" / "plain_text.py",
    ROOT / "autograder" / "course" / "markers.py",
    ROOT / "medxai/lab/submit.py",
]
CALLS = ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
SECONDS = 60  # of processor time
TRY = """
import json, re, sys
for pattern, flags, texts in json.load(sys.stdin):
    print(pattern, flush=True)
    compiled = re.compile(pattern, flags)
    for piece, count in texts:
        for text in (piece * count, piece * count + "\\0", "x" + piece * count):
            compiled.search(text)
            compiled.sub("", text)
print("END")
"""


def literal(node: ast.expr) -> str | None:
    """A pattern written in the call; what is inserted into an f-string stands as one letter."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "k" for part in node.values)
    return None


def patterns() -> list[tuple[str, str, int]]:
    """(file, pattern, flags) of every call of `re` in the files on the way."""
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) in [f"re.{name}" for name in CALLS]):
                continue
            if (text := literal(node.args[0])) is not None:
                flags = [ast.unparse(one) for one in [*node.args[1:], *(k.value for k in node.keywords)]]
                named = {flag for one in flags for flag in re.findall(r"re\.([A-Z]+)", one)}
                found.append((path.name, text, sum(int(getattr(re, name)) for name in named)))
    return found


def tried(tasks: list[object], program: str = TRY, seconds: int = SECONDS) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(tasks), capture_output=True, encoding="utf-8", cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
    )  # fmt: skip
    return done.stdout + done.stderr


def texts_for(pattern: str) -> list[tuple[str, int]]:
    """Runs of every character that the pattern names, and of what classes stand for, alone and in pairs."""
    named = {*pattern} - {*"()[]{}*+?^$|"} | {*" \n\t0aA_-"}
    pieces = sorted(named | {f"{one}{other}" for one in sorted(named) for other in ("\n", " ", "a")})
    return [(piece, 60_000) for piece in pieces]


def test_every_pattern_that_meets_a_students_text_is_linear():
    found = patterns()
    assert len(found) > 20 and {"syntax.py", "sources.py", "plain_text.py", "rendering.py"} <= {
        name for name, *_ in found
    }
    said = tried([(pattern, flags, texts_for(pattern)) for _, pattern, flags in found], seconds=SECONDS)
    assert said.endswith("END\n"), f"not linear: {said.splitlines()[-1:]}"


def test_a_pattern_that_is_not_linear_is_found():
    said = tried([(r"(?m)^\s*(?:!|%)", 0, texts_for(r"\s!%"))], seconds=5)
    assert not said.endswith("END\n")


CODE = {
    "nested lambdas": "f = " + "lambda a: " * 250 + "(" + " + ".join(f"x{i}" for i in range(20_000)) + ")",
    "nested functions": "".join(" " * i + f"def f{i}(a):\n" for i in range(95))
    + " " * 95
    + "return ("
    + " + ".join(f"x{i}" for i in range(20_000))
    + ")",
    "nested blocks": "".join(" " * i + f"if a{i}:\n" for i in range(95))
    + "".join(" " * 95 + f"x{i} = y\n" for i in range(5_000)),
    "lambdas in a function": "def f():\n" + "".join(f" v{i} = lambda: v{i}\n" for i in range(8_000)),
    "comprehensions": "x = " + "[" * 200 + "1" + " for a in b]" * 200,
    "globals": "def f():\n" + "".join(f" global g{i}\n" for i in range(8_000)),
    "statements": "".join(f"a{i} = a{i - 1}\n" for i in range(20_000)),
    "empty lines": "\n" * 200_000 + "x = 1",
    "blanks": " " * 200_000 + "\nx = 1",
    "unfinished": "(" * 150,
    "text": "x = '" + "\\n" * 100_000 + "'",
}
ANALYSE = """
import json, sys
from autograder.notebook import code_cells, syntax
name, source = json.load(sys.stdin)
cells = [code_cells.CodeCell("locked", "", "y = 1"), code_cells.CodeCell("solution", "f", source), code_cells.CodeCell("check", "f-1", "assert f(y)", 1.0)]
code_cells.for_marks(cells)
code_cells.uses_keras(cells)
for statement in syntax.statements(source):
    syntax.used_in_functions(statement)
    syntax.declared_global(statement)
syntax.definition("f", [source])
print("END")
"""


@pytest.mark.parametrize("name", CODE)
def test_the_analysis_of_code_is_linear(name):
    assert tried([name, CODE[name]], ANALYSE).endswith("END\n")
