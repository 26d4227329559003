"""Syntactic analysis of a cell's code: its statements, and the global names that each of them binds and reads."""

from __future__ import annotations

import ast
import builtins
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

# IPython magics that do more than set up plotting, timing and reloading.
MAGIC = re.compile(
    # Not \s, which also skips line breaks: from each of many empty lines, it would read all that follow.
    r"(?m)^[^\S\n]*(?:!|%%?(?!%|matplotlib\b|config\b|time\b|timeit\b|load_ext\b|reload_ext\b|autoreload\b|tensorboard\b))"
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
        names |= _binds(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names |= {name for n in ast.walk(node) if isinstance(n, ast.Global) for name in n.names}
    return names


def _bound_outside(statement: ast.stmt) -> set[str]:
    """Like `bound`, without what functions in the statement declare global."""
    return set().union(*map(_binds, _outside_functions(statement)))


def _binds(node: ast.AST) -> set[str]:
    """The names that a node itself binds or deletes."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.MatchMapping):
        return {node.rest} if node.rest else set()
    names = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
    return {node.name} if isinstance(node, names) and node.name else set()


def _outside_functions(statement: ast.stmt) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        comprehension = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        if not isinstance(node, inner + comprehension):
            waiting += ast.iter_child_nodes(node)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _local(scope: ast.AST) -> set[str]:
    """The names that a function or comprehension keeps to itself, apart from those that it declares global."""
    if isinstance(scope, FUNCTIONS):
        given = scope.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
        body = scope.body if isinstance(scope.body, list) else []
        return {argument.arg for argument in arguments}.union(*map(_bound_outside, body))
    assert isinstance(scope, COMPREHENSIONS)
    targets = [node for generator in scope.generators for node in ast.walk(generator.target)]
    return {node.id for node in targets if isinstance(node, ast.Name)}


def mentioned(tree: ast.AST, innermost: bool = False) -> set[str]:
    """The global names that occur in a tree, without those local to a function or comprehension.

    Takes time in proportion to the tree, however deeply it is nested.

    Parameters
    ----------
    tree : ast.AST
    innermost : bool
        Only names in functions, without those local to the innermost function around them.
    """
    names: set[str] = set()
    # For each scope around a node: its local names, and how many of the scopes that matter there have a name as local.
    scopes: list[tuple[set[str], Counter[str]]] = []
    functions = 0
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, leaving = waiting.pop()
        if leaving:
            local, counts = scopes.pop()
            counts.subtract(local)
            functions -= isinstance(node, FUNCTIONS)
            continue
        if isinstance(node, (*FUNCTIONS, *COMPREHENSIONS)):
            is_function = isinstance(node, FUNCTIONS)
            counts = scopes[-1][1] if scopes and not (innermost and is_function) else Counter()
            counts.update(local := _local(node))
            scopes.append((local, counts))
            functions += is_function
            waiting.append((node, True))
        elif isinstance(node, ast.Name):
            if not (scopes and scopes[-1][1][node.id]) and (functions or not innermost):
                names.add(node.id)
        elif isinstance(node, ast.Global) and functions:
            names.update(node.names)
        waiting += ((inner, False) for inner in ast.iter_child_nodes(node))
    return names


def declared_global(tree: ast.AST) -> set[str]:
    """The names that functions in a tree declare `global`."""
    return {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}


def loaded(tree: ast.AST) -> set[str]:
    """The names that are read in a tree."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def used_in_functions(tree: ast.AST) -> set[str]:
    """The global names that the functions in a tree mention."""
    return mentioned(tree, innermost=True)


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
    names = bound(statement)
    waiting: list[ast.AST] = [statement]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.ImportFrom) and any(alias.name == "*" for alias in one.names):
            return None
        inner = [
            part for name in ("body", "orelse", "finalbody", "handlers", "cases") for part in getattr(one, name, [])
        ]
        if inner and not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting += inner
            continue
        targets = getattr(one, "targets", [getattr(one, "target", getattr(one, "value", None))])
        roots = [_root(target) for target in targets if target is not None]
        names |= {r.id for r in roots if isinstance(r, ast.Name) and not hasattr(builtins, r.id)}
    return names


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
    if hasattr(statement, "name"):
        return bound(statement)
    names: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        names |= _binds(node)
        if not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            waiting += (part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.stmt))
    return names
