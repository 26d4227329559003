"""Hidden checks: reads hidden/KEY.py and writes each of its functions, with its dependencies, into its graded cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from autograder.author.lab_source import Cell, Exercise, GradedCell
from autograder.course.markers import BEGIN_HIDDEN, END_HIDDEN, fixed_seed
from autograder.errors import SourceError


class HiddenChecks:
    """The hidden checks of one exercise.

    Parameters
    ----------
    path : Path
        hidden/KEY.py: functions KEY_1(f, rng), KEY_2, ... and, at module level, their imports and helpers.
    key : str

    Raises
    ------
    SourceError
        If the file is missing or does not parse.
    """

    def __init__(self, path: Path, key: str):
        self.path, self.key = path, key
        if not path.is_file():
            raise SourceError(
                path, None, f"missing: write the hidden checks {key}_1(f, rng), {key}_2, ... one per graded cell."
            )
        self.text = path.read_text(encoding="utf-8")
        try:
            self.tree = ast.parse(self.text)
        except SyntaxError as e:
            raise SourceError(path, e.lineno, f"syntax error: {e.msg}. Fix the line and build again.") from None
        self.functions = {
            n.name: n
            for n in self.tree.body
            if isinstance(n, ast.FunctionDef) and re.fullmatch(rf"{re.escape(key)}_\d+", n.name)
        }

    def shared(self) -> list[ast.stmt]:
        """Module-level imports and helpers: everything except the checks, the docstring and __future__ imports."""
        return [
            n for i, n in enumerate(self.tree.body)
            if n not in self.functions.values()
            and not (i == 0 and isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
            and not (isinstance(n, ast.ImportFrom) and n.module == "__future__")
        ]  # fmt: skip

    def cell_source(self, cell: GradedCell, comment: str) -> str:
        """The source of a graded cell of the solution notebook: its comment, then the check between nbgrader's marks.

        Stock nbgrader can run it; a release removes everything between the marks.
        """
        parts = [self._text(n) for n in self.shared()] + [self._text(self.functions[cell.check])]
        imports = [p for p in parts if re.match(r"(?:import|from) ", p)]
        others = [p for p in parts if p not in imports]
        return "\n".join([
            comment.rstrip(), BEGIN_HIDDEN, "import numpy", *imports, "", "", "\n\n\n".join(others), "", "",
            f"{cell.check}({self.key}, numpy.random.default_rng({fixed_seed(cell.id)}))", END_HIDDEN,
        ])  # fmt: skip

    def _text(self, node: ast.stmt) -> str:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        return "\n".join(self.text.split("\n")[first - 1 : node.end_lineno])

    @staticmethod
    def problems(exercise: Exercise, cell: Cell, cells: tuple[Cell, ...]) -> Iterator[SourceError]:
        """The problems with an exercise's hidden checks."""
        if not exercise.cells:
            return
        try:
            hidden = HiddenChecks(exercise.hidden_path, exercise.key)
        except SourceError as e:
            yield e
            return
        wanted = [g.check for g in exercise.cells]
        for name in wanted:
            function = hidden.functions.get(name)
            if function is None:
                yield SourceError(
                    hidden.path,
                    None,
                    f"no function `{name}(f, rng)` for the graded cell `{'-'.join(name.rsplit('_', 1))}`.",
                )
                continue
            if [a.arg for a in function.args.args] != ["f", "rng"]:
                yield SourceError(
                    hidden.path,
                    function.lineno,
                    f"expected `def {name}(f, rng)`: the student's function and a random generator.",
                )
            if not hidden._can_fail(function):
                yield SourceError(
                    hidden.path,
                    function.lineno,
                    f"`{name}` can never fail: it neither raises anything nor calls a helper in this file that does.",
                )
        for name, function in hidden.functions.items():
            if name not in wanted:
                yield SourceError(
                    hidden.path,
                    function.lineno,
                    f"`{name}` has no graded cell `{'-'.join(name.rsplit('_', 1))}` in the notebook.",
                )
        taken = _bound(
            [
                n
                for c in cells
                if c.kind == "code"
                for n in c.tree().body
                if not isinstance(n, (ast.Import, ast.ImportFrom))
            ]
        )
        for node in hidden.shared():
            for name in _bound([node]) & taken if not isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                yield SourceError(
                    hidden.path, node.lineno,
                    f"the helper `{name}` would replace an object of the same name in the notebook in stock nbgrader: rename it to `_{name}`.",
                )  # fmt: skip

    def _can_fail(self, function: ast.FunctionDef) -> bool:
        helpers = {n.name: n for n in self.shared() if isinstance(n, ast.FunctionDef)}
        seen: set[str] = set()
        waiting = [function]
        while waiting:
            node = waiting.pop()
            for inner in ast.walk(node):
                if isinstance(inner, (ast.Raise, ast.Assert)):
                    return True
                if isinstance(inner, ast.Attribute) and "assert" in inner.attr:  # numpy.testing.assert_allclose
                    return True
                if isinstance(inner, ast.Name) and inner.id in helpers and inner.id not in seen:
                    seen.add(inner.id)
                    waiting.append(helpers[inner.id])
        return False


def _bound(statements: list[ast.stmt]) -> set[str]:
    """The names that statements bind at their own level."""
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With)):
            names |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names
