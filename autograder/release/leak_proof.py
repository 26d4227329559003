"""The leak proof: student material contains no part of an answer, a hidden check, a mutant or the autograder.

What is secret, and how it is searched for:

- The body of each function in a solution cell (unless the stub has the same one), of each hidden check KEY_n and of each
  mutant, compared as a normalised syntax tree: docstrings and annotations are dropped, names are numbered in the order in
  which they first occur (built-in names, attributes, constants and keywords are kept), and a final `return x` equals `x` or
  `y = x`. This finds copies with other names or comments.
- A body of two or more statements is searched for everywhere, as consecutive statements in any Python file or code cell.
- A small body (one statement such as `return a @ b`, or a tree of fewer than 20 nodes) may well occur by chance in
  `medxai`, which students may read and call. It is searched for in notebooks and in `medxai/checks` only: as the whole
  body of a function and, if its tree has at least 20 nodes, as a separate statement.
- Lines: a line of code of a solution or hidden check that has at least 30 characters and does not occur in the stub
  is distinctive. Two of them, and at least 60 % of those of the body, in one file or cell are a leak. So is a single line
  of at least 40 characters from a model answer (manually graded), a mutant's explanation or a hidden file other than
  code, and a copy of such a file.
- Halves: half of the statements of a body, in a row, in notebooks and `medxai/checks`; and any eight words in a row of a model
  answer, unless the lab itself says them.
- All this is searched for in every reading of a file: code that is commented out; code and text in Markdown; the strings of a
  program, joined if they are a list; all texts of JSON, notebooks' metadata, attachments and outputs included; base64.
- Marks (BEGIN SOLUTION, BEGIN HIDDEN, ...) anywhere, in any file; modules of the autograder by name, import or content;
  folders that students never get; archives and bytecode, which this proof cannot search.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import hashlib
import itertools
import json
import re
import textwrap
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.author.hidden_checks import HiddenChecks
from autograder.author.lab_source import Lab
from autograder.course.markers import BEGIN_SOLUTION, END_SOLUTION
from autograder.errors import LeakError

MARKS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN", "END HIDDEN", "BEGIN MARK SCHEME")
NEVER = {"autograder", "solutions", "hidden", "mutants", "tests", ".autograder", ".git"}
OPAQUE = (".pyc", ".pyo", ".zip", ".whl", ".tar", ".gz", ".db", ".so", ".pyd")
LINE, TEXT_LINE, SHARE, SMALL_TREE = 30, 40, 0.6, 20
SHINGLE = 8  # words in a row that nobody writes twice by chance
HALF_TREE = 30  # nodes of half a body that is searched for
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Leak:
    """A leak: the file it is in, the exercise's key, and what leaked."""

    file: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what} of {self.key}" if self.key else f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Secret:
    """A function body that students must not get."""

    key: str
    what: str
    body: tuple[ast.stmt, ...]
    lines: frozenset[str]
    half: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Equal for bodies that differ only in names, docstrings and comments."""
        return fingerprint(self.body)

    @cached_property
    def shape(self) -> tuple[str, ...]:
        """A cheap signature that equal bodies share."""
        return _shape(self.body)

    @cached_property
    def nodes(self) -> int:
        """The number of nodes in its tree."""
        return sum(not isinstance(node, ast.expr_context) for statement in self.body for node in ast.walk(statement))

    @property
    def small(self) -> bool:
        """Whether it is so small that the same code may occur by chance."""
        return self.half or len(self.body) < 2 or self.nodes < SMALL_TREE


@dataclass(frozen=True)
class Secrets:
    """Everything that must not leak: function bodies, lines of prose with their key and kind, autograder modules,
    hidden files other than code (by sha256), and the word sequences of the prose."""

    bodies: tuple[Secret, ...]
    prose: dict[str, tuple[str, str]]
    modules: dict[str, str]
    copies: dict[str, str]
    shingles: dict[tuple[str, ...], tuple[str, str]]

    @cached_property
    def every_line(self) -> frozenset[str]:
        """The distinctive lines of all bodies."""
        return frozenset().union(*(secret.lines for secret in self.bodies))

    @cached_property
    def by_size(self) -> dict[int, dict[tuple[str, ...], list[Secret]]]:
        """The bodies, by number of statements and shape."""
        found: dict[int, dict[tuple[str, ...], list[Secret]]] = {}
        for secret in self.bodies:
            found.setdefault(len(secret.body), {}).setdefault(secret.shape, []).append(secret)
        return found


def secrets(labs: Iterable[Lab]) -> Secrets:
    """Collects the secrets of the labs and of the autograder itself."""
    bodies: list[Secret] = []
    prose: dict[str, tuple[str, str]] = {}
    copies: dict[str, str] = {}
    secret_texts: list[tuple[str, str, str]] = []
    said: set[tuple[str, ...]] = set()
    for lab in labs:
        for cell in (c for cells in lab.sources.values() for c in cells):
            shown_text = re.sub(rf"(?s){BEGIN_SOLUTION}.*?{END_SOLUTION}", "", cell.source)
            said |= set(_shingles(shown_text))
        for exercise in lab.exercises:
            given = {fingerprint(_body(f)) for f in _functions(ast.parse(exercise.stub))}
            shown = frozenset(_code_lines(exercise.stub))
            for function in _functions(ast.parse(exercise.reference)):
                if fingerprint(_body(function)) not in given:
                    bodies.append(_secret(exercise.key, "the solution", function, exercise.reference, shown))
            if exercise.cells:
                hidden = HiddenChecks(exercise.hidden_path, exercise.key)
                bodies += [
                    _secret(exercise.key, f"the hidden check {n}", f, hidden.text, frozenset())
                    for n, f in hidden.functions.items()
                ]
            for mutant in exercise.mutants:
                what = f"the mutant {mutant.name}"
                for function in _functions(ast.parse(mutant.source)):
                    if fingerprint(_body(function)) not in given:
                        bodies.append(Secret(exercise.key, what, _body(function), frozenset()))
                prose |= {
                    line: (exercise.key, what)
                    for line in _prose_lines(
                        ast.get_docstring(ast.parse(mutant.path.read_text(encoding="utf-8"))) or ""
                    )
                }
        for path in sorted((lab.folder / "hidden").rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc"):  # an answer key, a table that a check reads
                data = path.read_bytes()
                copies[hashlib.sha256(data).hexdigest()] = f"hidden/{path.name}"
                lines = data.decode("utf-8", errors="replace")
                prose |= {
                    line: (lab.name, f"hidden/{path.name}") for line in _prose_lines(lines) if not line.startswith("#")
                }
        for cell in (c for cells in lab.sources.values() for c in cells if c.is_manual):
            answer = cell.source.partition(BEGIN_SOLUTION)[2].partition(END_SOLUTION)[0]
            secret_texts.append((cell.id, "the model answer", answer))
            prose |= {line: (cell.id, "the model answer") for line in _prose_lines(answer)}
    here = Path(__file__).parents[1]
    modules = {}
    for path in sorted(here.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if len(tree.body) > 1:  # an empty module is not a secret
            modules[ast.dump(tree)] = str(path.relative_to(here.parent))
    bodies += [half for secret in bodies for half in _halves(secret)]
    shingles = {
        words: (key, what) for key, what, text in secret_texts for words in _shingles(text) if words not in said
    }
    return Secrets(tuple(bodies), prose, modules, copies, shingles)


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    """Every eight words in a row of a text, without case and punctuation."""
    words = re.findall(r"\w+", text.lower())
    yield from zip(*(words[start:] for start in range(SHINGLE)), strict=False)


def _halves(secret: Secret) -> Iterator[Secret]:
    """Every half of a body: as many statements in a row, if they are long enough to be an answer."""
    size = (len(secret.body) + 1) // 2
    if len(secret.body) < 3 or secret.what.startswith("the mutant"):
        return
    for start in range(len(secret.body) - size + 1):
        half = Secret(secret.key, f"half of {secret.what}", secret.body[start : start + size], frozenset(), half=True)
        if half.nodes >= HALF_TREE:
            yield half


def files_in(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """The files of a folder, as (name in the release, content)."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def files_in_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    """The members of a zip, without their common top-level folder."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield "/".join(PurePosixPath(info.filename).parts[1:]) or info.filename, archive.read(info)


def find(known: Secrets, files: Iterable[tuple[str, bytes]]) -> list[Leak]:
    """Searches files (name, content) for secrets; an empty list is the proof."""
    found: list[Leak] = []
    for name, data in files:
        found += _names(name)
        found += [Leak(name, "", f"the mark {mark}") for mark in MARKS if mark.encode() in data]
        if (copy := known.copies.get(hashlib.sha256(data).hexdigest())) is not None:
            found.append(Leak(name, "", f"a copy of {copy}"))
        if b"\0" in data[:8192]:
            continue
        text = data.decode("utf-8", errors="replace")
        for where, piece in _pieces(name, text):
            for code in readings(piece):
                found += _in_text(known, where, code)
                if name.endswith((".py", ".ipynb", ".md", ".json", ".txt")) and (tree := _parse(code)) is not None:
                    found += _in_tree(known, name, where, tree)
    return list(dict.fromkeys(found))


COMMENTED = re.compile(r"(?m)^[ \t]*#+ ?")
QUOTED = re.compile(r"(?m)^[ \t]*(?:>[ ]?)+")
FENCED = re.compile(r"(?ms)^[ \t>]*(?:```|~~~)[^\n]*\n(.*?)^[ \t>]*(?:```|~~~)")
BLOCK = re.compile(r"(?:[A-Za-z0-9+/]{60,76}\n?){1,}[A-Za-z0-9+/=]*|[A-Za-z0-9+/]{60,}={0,2}")


def readings(text: str, depth: int = 3) -> Iterator[str]:
    """A text, and every text that it holds in another form: commented out, quoted, fenced, as strings, JSON or base64."""
    yield text
    inner: list[str] = []
    for pattern in (COMMENTED, QUOTED):
        if pattern.search(text):
            inner.append(textwrap.dedent(pattern.sub("", text)))
            # A block of comments in a program: each of them.
            inner += [
                textwrap.dedent("\n".join(pattern.sub("", line) for line in lines))
                for marked, lines in _runs(text, pattern)
                if marked and len(lines) > 1
            ]
    inner += [textwrap.dedent(QUOTED.sub("", block)) for block in FENCED.findall(text)]
    inner += [textwrap.dedent("\n".join(lines)) for marked, lines in _runs(text, INDENTED) if marked and len(lines) > 1]
    if (tree := _parse(text)) is not None:
        inner += _strings(tree)
    with contextlib.suppress(ValueError, RecursionError):
        inner += _leaves(json.loads(text)) if text.lstrip()[:1] in ("{", "[") else []
    for block in BLOCK.findall(text):
        with contextlib.suppress(ValueError, UnicodeDecodeError):
            inner.append(base64.b64decode(block, validate=False).decode("utf-8"))
    if depth:
        for one in dict.fromkeys(inner):
            if one.strip() and one != text:
                yield from readings(one, depth - 1)


INDENTED = re.compile(r"(?m)^(?: {4}|\t)")


def _runs(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[bool, list[str]]]:
    """The lines of a text in runs of those that match a pattern and those that do not."""
    for marked, lines in itertools.groupby(text.split("\n"), key=lambda line: bool(pattern.match(line))):
        yield marked, list(lines)


def _strings(tree: ast.Module) -> list[str]:
    """The strings of a program, except docstrings of its own, and its lists of strings, joined."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= LINE:
            found.append(node.value)
        elif isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) > 1:
            texts = [e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
            if len(texts) == len(node.elts):
                found += ["".join(texts), "\n".join(texts)]
    return found


def _leaves(value: Any) -> list[str]:
    """The texts in JSON, and its lists of texts, joined."""
    if isinstance(value, str):
        return [value] if len(value) >= LINE else []
    if isinstance(value, dict):
        return [text for one in value.values() for text in _leaves(one)]
    if isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            return ["".join(value), "\n".join(value)]
        return [text for one in value for text in _leaves(one)]
    return []


def refuse(found: Sequence[Leak]) -> None:
    """Raises LeakError if there are leaks, and lists them."""
    if found:
        raise LeakError(
            "Not released: the student material contains secrets.\n"
            + "\n".join(f"  {leak}" for leak in found)
            + "\nRemove them from the sources or, if students need this code, write the solution differently."
        )


def fingerprint(body: Sequence[ast.stmt]) -> str:
    """A body's normalised syntax tree, as text: equal for bodies that differ only in names, docstrings and comments."""
    order: dict[str, str] = {}
    parts = [_dump(statement, order) for statement in body[:-1]]
    if body:
        last = body[-1]
        value = (
            last.value
            if isinstance(last, (ast.Return, ast.Expr)) or (isinstance(last, ast.Assign) and len(last.targets) == 1)
            else None
        )
        parts.append(_dump(value if value is not None else last, order))
    return "\n".join(parts)


def _dump(node: object, order: dict[str, str]) -> str:
    def name(text: str) -> str:
        return text if text in BUILTINS else order.setdefault(text, f"v{len(order)}")

    if isinstance(node, list):
        return "[" + ",".join(_dump(item, order) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Name):
        return name(node.id)
    if isinstance(node, ast.arg):
        return name(node.arg)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return f"def {name(node.name)}({_dump(node.args, order)}){_dump(list(_body(node)), order)}"
    skipped = ("ctx", "annotation", "type_comment", "returns", "kind")
    fields = [_dump(value, order) for field, value in ast.iter_fields(node) if field not in skipped]
    return f"{type(node).__name__}({','.join(fields)})"


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[ast.stmt, ...]:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return tuple(body)


def _functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and _body(n)]


def _secret(
    key: str, what: str, function: ast.FunctionDef | ast.AsyncFunctionDef, text: str, shown: frozenset[str]
) -> Secret:
    body = _body(function)
    lines = text.split("\n")[body[0].lineno - 1 : body[-1].end_lineno]
    distinctive = {line for line in _code_lines("\n".join(lines)) if len(line) >= LINE} - shown
    return Secret(key, what, body, frozenset(distinctive))


def _code_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield " ".join(re.sub(r"\s#\s.*$", "", line).split())


def _prose_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        line = " ".join(line.split())
        if len(line) >= TEXT_LINE:
            yield line


def _shape(body: Sequence[ast.stmt]) -> tuple[str, ...]:
    """A cheap signature that equal bodies share: the types of all statements but the last."""
    return tuple(type(statement).__name__ for statement in body[:-1])


def _names(name: str) -> Iterator[Leak]:
    parts = set(PurePosixPath(name).parts[:-1])
    if parts & NEVER:
        yield Leak(name, "", f"a file from {', '.join(sorted(parts & NEVER))}/")
    if name.endswith(OPAQUE):
        yield Leak(name, "", "a file that cannot be searched")


def _pieces(name: str, text: str) -> Iterator[tuple[str, str]]:
    """The units to search: each cell of a notebook (its outputs separately), any other file as a whole."""
    if not name.endswith(".ipynb"):
        yield name, text
        return
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, LookupError, TypeError):
        yield name, text
        return
    for n, cell in enumerate(cells):
        source = cell.get("source", "")
        yield f"{name}, cell {n}", source if isinstance(source, str) else "".join(source)
        for part in ("outputs", "attachments", "metadata"):
            if cell.get(part):
                yield f"{name}, {part.removesuffix('s')} {n}", json.dumps(cell[part], ensure_ascii=False)
    with contextlib.suppress(TypeError, AttributeError):
        yield f"{name}, metadata", json.dumps(json.loads(text).get("metadata", {}), ensure_ascii=False)


def _parse(code: str) -> ast.Module | None:
    try:
        return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", code))
    except (SyntaxError, ValueError):
        return None


def _in_text(known: Secrets, where: str, text: str) -> Iterator[Leak]:
    lines = {" ".join(line.split()) for line in text.split("\n")} | set(_code_lines(text))
    for secret in known.bodies if lines & known.every_line else ():
        hits = secret.lines & lines
        if len(hits) >= 2 and len(hits) >= SHARE * len(secret.lines):
            yield Leak(where, secret.key, f"{len(hits)} lines of {secret.what}")
    for line in lines & known.prose.keys():
        key, what = known.prose[line]
        yield Leak(where, key, f"text of {what} ({line[:50]}...)")
    for key, what in {known.shingles[words] for words in _shingles(text) if words in known.shingles}:
        yield Leak(where, key, f"words of {what}")


def _in_tree(known: Secrets, name: str, where: str, tree: ast.Module) -> Iterator[Leak]:
    if (module := known.modules.get(ast.dump(tree))) is not None:
        yield Leak(where, "", f"the module {module}")
    for node in ast.walk(tree):
        imported = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if any(part.split(".")[0] == "autograder" for part in imported) and not (
            isinstance(node, ast.ImportFrom) and node.level
        ):
            yield Leak(where, "", "an import of autograder")
    near = name.endswith(".ipynb") or "medxai/checks/" in name
    blocks = [
        (False, tuple(b))
        for n in ast.walk(tree)
        for _, b in ast.iter_fields(n)
        if isinstance(b, list) and b and isinstance(b[0], ast.stmt)
    ]
    blocks += [(True, _body(f)) for f in _functions(tree)]
    for is_function, block in blocks:
        for size in known.by_size:
            for start in range(len(block) - size + 1):
                window = block[start : start + size]
                similar = [
                    secret
                    for secret in known.by_size[size].get(_shape(window), ())
                    if (near or not secret.small)
                    and (secret.nodes >= SMALL_TREE or (is_function and len(block) == size))
                ]
                if similar:
                    found = fingerprint(window)
                    yield from (
                        Leak(where, secret.key, secret.what) for secret in similar if secret.fingerprint == found
                    )
