"""Syntactic analysis of a cell's code: its statements, and the global names that each of them binds and reads."""

from __future__ import annotations

import ast
import builtins
import re
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache

# IPython magics that do more than set up plotting, timing and reloading.
MAGIC = re.compile(
    r"(?m)^\s*(?:!|%%?(?!%|matplotlib\b|config\b|time\b|timeit\b|load_ext\b|reload_ext\b|autoreload\b|tensorboard\b))"
)

UNSEEN = {
    "exec", "eval", "globals", "locals", "vars", "setattr", "__import__", "run_cell", "run_line_magic", "system", "write_text",
    "write_bytes", "to_csv", "savetxt",
}  # fmt: skip

LONGEST_KEPT = 10_000  # characters of the longest cell whose analysis is cached

DEEPEST = 300  # levels of a syntax tree: functions here recurse once per level


def parse(source: str) -> ast.Module:
    """A cell's syntax tree; if it does not parse as Python, IPython magics count as `pass`.

    Raises SyntaxError, also for code designed to break a parser.
    """
    try:
        return _tree(source)
    except SyntaxError:
        return _tree("\n".join(map(_without_magic, source.split("\n"))))


# In Python 3.11, threads that parse at the same time can interfere with each other ("recursion depth mismatch").
_parsing = threading.Lock()


def _tree(source: str) -> ast.Module:
    try:
        with _parsing:
            tree = ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as e:
        raise SyntaxError(f"this cell cannot be parsed ({type(e).__name__})") from None
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
        if not level:
            return tree
    raise SyntaxError("this cell is nested too deeply")


def _without_magic(line: str) -> str:
    text = line.strip()
    magic = text.startswith(("%", "!")) or (text.endswith("?") and text.strip("?"))
    return line[: len(line) - len(line.lstrip())] + "pass" if magic else line


def statements(source: str) -> list[ast.stmt]:
    """The statements of a cell, none if it does not parse."""
    try:
        return parse(source).body
    except SyntaxError:
        return []


def is_import(statement: ast.stmt) -> bool:
    """Whether a statement only imports."""
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def bound(statement: ast.stmt) -> set[str]:
    """The global names that a statement binds, deletes or declares."""
    names: set[str] = set()
    for node in _outside_functions(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            names |= {name for n in ast.walk(node) if isinstance(n, ast.Global) for name in n.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


def _outside_functions(statement: ast.stmt) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        comprehension = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        if not isinstance(node, inner + comprehension):
            waiting += ast.iter_child_nodes(node)


def mentioned(tree: ast.AST) -> set[str]:
    """The global names that occur in a tree, without those local to a function or comprehension."""
    names: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        names |= mentioned(node)
    if isinstance(tree, ast.Name):
        names.add(tree.id)
    elif isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        body = tree.body if isinstance(tree.body, list) else []
        declared = {name for n in ast.walk(tree) if isinstance(n, ast.Global) for name in n.names}
        local = {a.arg for a in ast.walk(tree.args) if isinstance(a, ast.arg)}.union(*map(bound, body)) - declared
        names = (names - local) | declared
    elif isinstance(tree, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        targets = [n for g in tree.generators for n in ast.walk(g.target)]
        names -= {n.id for n in targets if isinstance(n, ast.Name)}
    return names


def declared_global(tree: ast.AST) -> set[str]:
    """The names that functions in a tree declare `global`."""
    return {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}


def loaded(tree: ast.AST) -> set[str]:
    """The names that are read in a tree."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def used_in_functions(tree: ast.AST) -> set[str]:
    """The global names that the functions in a tree mention."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return {name for node in ast.walk(tree) if isinstance(node, functions) for name in mentioned(node)}


def opaque(source: str) -> bool:
    """Whether a cell can affect others in ways that its names do not show: by magics, executed text, or files."""
    return _opaque_once(source) if len(source) <= LONGEST_KEPT else _opaque_now(source)


def _opaque_now(source: str) -> bool:
    if MAGIC.search(source):
        return True
    for statement in statements(source):
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            modes = [
                a.value for a in [*node.args[1:], *(k.value for k in node.keywords)] if isinstance(a, ast.Constant)
            ]
            if name in UNSEEN or (name == "open" and any(isinstance(m, str) and set(m) & set("wax+") for m in modes)):
                return True
    return False


_opaque_once = lru_cache(maxsize=1000)(_opaque_now)


def _touched(statement: ast.stmt) -> set[str] | None:
    """The global names that a statement binds or acts on; None if unknown."""
    if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
        return None
    names = bound(statement)
    inner = [part for name in ("body", "orelse", "finalbody", "handlers") for part in getattr(statement, name, [])]
    if inner and not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        within = [_touched(part) for part in inner]
        return None if None in within else names.union(*(part for part in within if part is not None))
    targets = getattr(statement, "targets", [getattr(statement, "target", getattr(statement, "value", None))])
    roots = [_root(target) for target in targets if target is not None]
    return names | {r.id for r in roots if isinstance(r, ast.Name) and not hasattr(builtins, r.id)}


def _root(node: ast.AST) -> ast.AST:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def definition(name: str, sources: Sequence[str]) -> tuple[str, ast.stmt] | None:
    """The text and the tree of the function or class with this name in some cells.

    None if it is missing, or bound more than once and therefore ambiguous.
    """
    found: list[tuple[str, ast.stmt]] = []
    for source in sources:
        for statement in statements(source):
            for node in _outside_functions(statement):
                if isinstance(node, ast.stmt) and name in _bound_here(node):
                    found.append((ast.get_source_segment(source, node) or "", node))
    if len(found) == 1 and isinstance(found[0][1], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return found[0]
    return None


def _bound_here(statement: ast.stmt) -> set[str]:
    """The names that a statement binds itself, not through nested statements."""
    inner = {name for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt) for name in bound(part)}
    return bound(statement) if hasattr(statement, "name") else bound(statement) - inner
