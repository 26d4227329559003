"""Finds figures that students would get without a text description.

A cell makes a figure when it calls pyplot, a drawing method of axes or of a table, a drawing function of
medxai.plots, or a function in the notebook that does any of these without showing its figure. Such a
cell must call `plots.show(fig, alt=...)` or `plots.yours_or_expected(..., alt=...)`, with the description as a
literal in the call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from autograder.author.lab_source import Cell
from autograder.errors import SourceError

MIN_ALT = 40
SHOWS = ("show", "yours_or_expected")
DRAWS = {
    "bar", "barh", "boxplot", "contour", "contourf", "errorbar", "fill_between", "hist", "hist2d", "imshow", "matshow",
    "pcolormesh", "pie", "plot", "quiver", "scatter", "stem", "step", "subplots", "violinplot",
}  # fmt: skip
# Functions of medxai.plots that only compute.
COMPUTES = ("signed",)
# Functions of pyplot that make no figure.
QUIET = {"close", "get_cmap", "rc", "rc_context", "rcdefaults", "set_cmap", "style", "switch_backend", "ioff", "ion"}


def figure_problems(cells: Iterable[Cell]) -> Iterator[SourceError]:
    """A SourceError for each cell of a notebook whose figure is not shown with a description."""
    drawing: set[str] = set()  # functions in the notebook that leave a figure open
    for cell in cells:
        if cell.kind != "code":
            continue
        tree = cell.tree()
        yield from _alts(cell, tree)
        for function in (n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))):
            inside = list(ast.walk(function))
            if _first_figure(inside, drawing) and not any(_is_show(n) for n in inside):
                drawing.add(function.name)
            else:
                drawing.discard(function.name)
        now = list(_runs_now(tree))
        figure = _first_figure(now, drawing)
        if figure is not None and not any(_is_show(n) for n in now):
            yield cell.error(
                f"this figure is not shown with a description: end the cell with plots.show(fig, alt=\"...\") "
                f"(at least {MIN_ALT} characters that say what the figure shows).", figure.lineno - 1,
            )  # fmt: skip


def _alts(cell: Cell, tree: ast.AST) -> Iterator[SourceError]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "medxai.plots":
            yield cell.error(
                "write `from medxai import plots` and `plots.NAME`: the build finds figures by that name.",
                node.lineno - 1,
            )
        if not isinstance(node, ast.Call):
            continue
        if _dotted(node.func) in ("plt.show", "pyplot.show", "matplotlib.pyplot.show") or (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "show"
            and _dotted(node.func.value) in ("fig", "figure")
        ):
            yield cell.error('this figure has no description: write plots.show(fig, alt="...").', node.lineno - 1)
        elif (shown := _shown_by(node)) is not None:
            given = next((k.value for k in node.keywords if k.arg == "alt"), None)
            position = 1 if shown == "show" else 3
            if given is None and len(node.args) > position:
                given = node.args[position]
            text = _literal(given)
            if text is None:
                yield cell.error(
                    f'plots.{shown}: write the description as a literal in the call: alt="...".', node.lineno - 1
                )
            elif len(" ".join(text.split())) < MIN_ALT:
                yield cell.error(
                    f"plots.{shown}: the description has {len(' '.join(text.split()))} characters, expected at least {MIN_ALT}. "
                    "Describe the figure for someone who cannot see it.", node.lineno - 1,
                )  # fmt: skip


def _runs_now(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with the cell, without the bodies of functions that it only defines."""
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def _first_figure(nodes: Iterable[ast.AST], drawing: set[str]) -> ast.Call | None:
    found = [n for n in nodes if isinstance(n, ast.Call) and _makes_figure(n, drawing)]
    return min(found, key=lambda n: n.lineno, default=None)


def _makes_figure(call: ast.Call, drawing: set[str]) -> bool:
    name = _dotted(call.func)
    first, _, rest = name.partition(".")
    if first in ("plt", "pyplot") or name.startswith("matplotlib.pyplot."):
        return rest.removeprefix("pyplot.").split(".")[0] not in QUIET
    if first == "plots" and rest:
        return rest not in (*SHOWS, *COMPUTES)
    if isinstance(call.func, ast.Name):
        return call.func.id in drawing
    return isinstance(call.func, ast.Attribute) and (
        call.func.attr in DRAWS or _dotted(call.func.value).endswith(".plot")
    )


def _is_show(node: ast.AST) -> bool:
    return _shown_by(node) is not None


def _shown_by(node: ast.AST) -> str | None:
    """ "show" or "yours_or_expected" for a call of it, None for anything else."""
    first, _, name = _dotted(node.func).partition(".") if isinstance(node, ast.Call) else ("", "", "")
    return name if first == "plots" and name in SHOWS else None


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return "?"


def _literal(node: ast.AST | None) -> str | None:
    """The literal part of a string, f-string or sum of them; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _literal(node.left), _literal(node.right)
        return left + right if left is not None and right is not None else None
    return None
