"""What is known of an assignment before any submission: its cells in order, and which names each of them binds and reads."""

from __future__ import annotations

import ast
import builtins
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from autograder.course.course import BEGIN_HIDDEN, BEGIN_SOLUTION, END_SOLUTION, STUB

LOCKED, SOLUTION, CHECK = "locked", "solution", "check"
# Lines of IPython's own language that do more than set up pictures, timing and reloading.
MAGIC = re.compile(
    r"(?m)^\s*(?:!|%%?(?!%|matplotlib\b|config\b|time\b|timeit\b|load_ext\b|reload_ext\b|autoreload\b|tensorboard\b))"
)
UNSEEN = {
    "exec", "eval", "globals", "locals", "vars", "setattr", "__import__", "run_cell", "run_line_magic", "system", "write_text",
    "write_bytes", "to_csv", "savetxt",
}  # fmt: skip
LONGEST_KEPT = 10_000  # characters of a cell of which it is remembered what its statements say
DEEPEST = 300  # levels of a syntax tree: functions here call themselves for each
SOLUTION_REGION = re.compile(rf"(?ms)^([ \t]*)[^\n]*{BEGIN_SOLUTION}.*?{END_SOLUTION}[^\n]*$")


@dataclass(frozen=True)
class PlanCell:
    """One code cell of the instructor's notebook.

    `kind` is "check" (earns points), "solution" (the student's answer; `source` is the reference) or "locked" (everything
    else). `hidden` says that students have not seen all of its text.
    """

    kind: str
    id: str
    source: str
    points: float = 0.0
    hidden: bool = False


def plan_of(notebook: Any, demos: bool = False) -> list[PlanCell]:
    """The code cells of an instructor's notebook, without those that are tagged `demo` (or with them)."""
    from autograder.notebook.assemble import grade_id_of, is_graded, points_in

    cells = []
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader") or {}
        if cell.cell_type != "code" or ("demo" in cell.metadata.get("tags", ()) and not demos):
            continue
        kind = CHECK if is_graded(cell) else SOLUTION if meta.get("solution") else LOCKED
        points = points_in(cell) if kind == CHECK else 0.0
        cells.append(
            PlanCell(kind, grade_id_of(cell), cell.source, points, kind == CHECK and BEGIN_HIDDEN in cell.source)
        )
    return cells


def to_json(plan: Sequence[PlanCell]) -> list[dict[str, Any]]:
    """The plan as plain data; `from_json` reads it."""
    return [asdict(cell) for cell in plan]


def from_json(data: list[dict[str, Any]]) -> list[PlanCell]:
    """The plan that `to_json` wrote down."""
    return [PlanCell(**cell) for cell in data]


def with_answers(plan: Sequence[PlanCell], answers: dict[str, str]) -> list[PlanCell]:
    """The plan with other answers in its solution cells, by their ids."""
    return [replace(c, source=answers[c.id]) if c.kind == SOLUTION and c.id in answers else c for c in plan]


def stub_of(source: str) -> str:
    """What a student gets of a solution cell: its marked regions, or all of it, replaced by one that is not answered."""
    if BEGIN_SOLUTION not in source:
        return STUB
    return SOLUTION_REGION.sub(lambda match: match[1] + STUB, source)


def parse(source: str) -> ast.Module:
    """A cell's syntax tree; where it does not parse, lines of IPython's magics count as `pass`.

    Raises SyntaxError, also for what a student may have sent to stop whoever reads it.
    """
    try:
        return _tree(source)
    except SyntaxError:
        return _tree("\n".join(map(_without_magic, source.split("\n"))))


# In Python 3.11 two threads that make syntax trees at once can disturb each other ("recursion depth mismatch").
_parsing = threading.Lock()


def _tree(source: str) -> ast.Module:
    try:
        with _parsing:
            tree = ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as e:
        raise SyntaxError(f"this cell cannot be read ({type(e).__name__})") from None
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
    """The statements of a cell, none where it does not parse."""
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
    """The global names that occur in a tree; what is local to a function or a comprehension does not."""
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


def needed(plan: Sequence[PlanCell], by: tuple[str, ...] = (CHECK,)) -> set[tuple[int, int]]:
    """(cell, statement) of the locked statements that a check (or what `by` names) can depend on, by the names in it.

    A statement counts that binds such a name, or that works on one (`data.sort()`, `np.random.seed(0)`). All others, such
    as pictures and long computations for the reader, are left out.
    """
    read = [_read(cell.source) for cell in plan]
    # What is set in these decides what later imports find, whoever mentions them.
    names = {"sys", "os", "warnings"}.union(*(s.mentions for i, c in enumerate(plan) if c.kind in by for s in read[i]))
    found: set[tuple[int, int]] = set()
    by_name: dict[str, list[tuple[int, int]]] = {}
    for i, cell in enumerate(plan):
        for n, statement in enumerate(read[i] if cell.kind == LOCKED else ()):
            if statement.touches is None:
                found.add((i, n))
            for name in statement.touches or ():
                by_name.setdefault(name, []).append((i, n))
    for i, n in found:
        names |= read[i][n].mentions
    waiting = list(names)
    while waiting:  # each name once: students write thousands of statements that need each other
        for i, n in by_name.pop(waiting.pop(), ()):
            if (i, n) not in found:
                found.add((i, n))
                waiting += read[i][n].mentions
    return found


@dataclass(frozen=True)
class _Names:
    """What a statement says of global names: those it mentions, those it binds or works on (None: it does not say which)."""

    mentions: frozenset[str]
    touches: frozenset[str] | None
    imports: bool


def _read(source: str) -> tuple[_Names, ...]:
    """Of each statement of a cell. What all students have in their notebooks is read once; what is kept stays small."""
    return _read_once(source) if len(source) <= LONGEST_KEPT else _read_now(source)


def _read_now(source: str) -> tuple[_Names, ...]:
    names = []
    for statement in statements(source):
        touched = _touched(statement)
        touches = None if touched is None else frozenset(touched)
        names.append(_Names(frozenset(mentioned(statement)), touches, is_import(statement)))
    return tuple(names)


_read_once = lru_cache(maxsize=1000)(_read_now)


def uses_keras(plan: Sequence[PlanCell]) -> bool:
    """Whether the checks of a plan will want Keras: they, or what they depend on, name it, or answers make networks."""
    checks = [cell.source for cell in plan if cell.kind == CHECK]
    checks += [ast.unparse(statements(plan[i].source)[n]) for i, n in needed(plan)]
    answers = [cell.source for cell in plan if cell.kind == SOLUTION]
    return any(re.search(r"\b(keras|tensorflow|tf|medxai)\b", text) for text in checks) or any(
        "keras" in text for text in answers
    )


def for_marks(plan: Sequence[PlanCell]) -> list[PlanCell]:
    """The plan without the locked cells that no answer and no check can depend on. Cells that import always stay.

    To be asked of the plan with the student's answers in it: they may read more than the reference does.
    """
    found = {i for i, _ in needed(plan, (CHECK, SOLUTION))}
    return [
        cell
        for i, cell in enumerate(plan)
        if cell.kind != LOCKED
        or i in found
        or any(statement.imports for statement in _read(cell.source))
        or opaque(cell.source)
    ]


def opaque(source: str) -> bool:
    """Whether a cell can matter to others in ways that the names in it do not show: by magics, text that is run, or files."""
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


def affected(plan: Sequence[PlanCell], answers: Collection[str]) -> list[PlanCell]:
    """The plan without the check cells that other answers in these solution cells cannot matter to, by the names in them."""
    trees = {cell: statements(cell.source) for cell in plan}
    binds = {cell: set().union(*map(bound, trees[cell])) for cell in plan}
    reads = {cell: set().union(*map(mentioned, trees[cell])) for cell in plan}
    names = set().union(*(binds[cell] for cell in plan if cell.kind == SOLUTION and cell.id in answers))
    while True:
        # What reads one of these names may bind others with it. A check that binds what such a check reads stays as well.
        new = set().union(*(binds[cell] for cell in plan if reads[cell] & names)) - names
        if not new:
            break
        names |= new
    wanted = set().union(*(reads[cell] for cell in plan if cell.kind == CHECK and reads[cell] & names))
    return [c for c in plan if c.kind != CHECK or reads[c] & names or binds[c] & wanted]


def _touched(statement: ast.stmt) -> set[str] | None:
    """The global names that a statement binds or works on; None where its text does not say which."""
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
    """The text and the tree of the function or class of a name in some cells.

    None where it is not there, or bound more than once: then the text does not tell which of them the name stands for.
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
    """The names that a statement binds itself, not by the statements inside it."""
    inner = {name for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt) for name in bound(part)}
    return bound(statement) if hasattr(statement, "name") else bound(statement) - inner
