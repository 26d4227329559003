"""Imports: no cycle between files or between rooms, and each room imports only what it may."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("data_fetch", "medxai", "autograder", "warmkernel")


def modules_below(root: Path, packages: tuple[str, ...]) -> dict[str, Path]:
    """The files of packages, by module name."""
    found = {}
    for path in (path for package in packages for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def modules() -> dict[str, Path]:
    """Every module of the four packages, except the labs of the course used for attacks."""
    found = modules_below(ROOT, PACKAGES)
    return {module: path for module, path in found.items() if "attack/course" not in path.as_posix()}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a syntax tree, without code that is only for type checkers."""
    yield node
    below = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        below = list(node.orelse)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("not TYPE_CHECKING", "not typing.TYPE_CHECKING"):
        below = list(node.body)
    for child in below:
        yield from run(child)


def called(node: ast.AST, *names: str) -> bool:
    """Whether a node calls a function with one of these names, in any module."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names


def lazy_names(module: str, path: Path) -> dict[str, str]:
    """The names that `lazy.attach` adds to a package, each with the module that is imported at first use."""
    found = {}
    for node in run(tree(path)):
        if path.name == "__init__.py" and called(node, "attach"):
            for value in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
                table = ast.literal_eval(value)
                holders = table if isinstance(table, dict) else {name: name for name in table}
                found |= {name: f"{module}.{holder}" for name, holder in holders.items()}
    return found


def named(module: str, path: Path) -> list[tuple[str, str]]:
    """All imports of a module, anywhere in it, as pairs of a module and a name in it ("" for the module itself).

    Includes imports by a literal string, and `lazy.attach`; if only the beginning is literal, the module ends in "*".
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = [(holder, "") for holder in lazy_names(module, path).values()]
    for node in run(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = absolute("." * node.level + (node.module or ""), package)
            found += [(source, alias.name) for alias in node.names]
        elif called(node, "import_module", "__import__") and (text := begun(node.args[0])):
            of = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            if not text.startswith(".") or ast.unparse(of[0]) in ("__package__", "__name__"):
                found.append((absolute(text, package), ""))
    return found


def begun(node: ast.expr) -> str:
    """The literal beginning of a string expression; "*" for the rest."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        return f"{first.value}*" if isinstance(first, ast.Constant) else ""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def absolute(name: str, package: str) -> str:
    level = len(name) - len(name.lstrip("."))
    above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
    return ".".join([*above, *filter(None, [name.lstrip(".")])])


def within(name: str, room: str) -> bool:
    return f"{name}.".startswith(f"{room}.")


def imports_among(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """For each of these modules, the others that it imports.

    `from package import name` imports the module of that name, or the module that provides the name in a lazy package,
    otherwise the package itself. Importing a module from outside its package imports the package, too.
    """
    lazy = {module: lazy_names(module, path) for module, path in files.items()}
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        targets: set[str] = set()
        for source, name in named(module, path):
            if source.endswith("*"):
                begin, depth = source[:-1], source.count(".")
                targets |= {other for other in files if other.startswith(begin) and other.count(".") == depth}
            else:
                inner = f"{source}.{name}"
                targets.add(inner if inner in files else lazy.get(source, {}).get(name, source))
        parts = [target.split(".") for target in targets]
        above = {".".join(part[:k]) for part in parts for k in range(1, len(part))}
        targets |= {package for package in above if not within(module, package)}
        found[module] = (targets & set(files)) - {module}
    return found


@cache
def imports() -> dict[str, set[str]]:
    return imports_among(modules())


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One cycle of a graph, in order; empty if there is none."""
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph[node]):
            if found := visit(other, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def rooms_of(folder: str, graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """For each file and folder in a folder, the others that it imports; "" is the folder of the packages."""
    depth = len(folder.split(".")) + 1 if folder else 1

    def room(module: str) -> str:
        return ".".join(module.split(".")[:depth])

    inner = [module for module in graph if not folder or within(module, folder)]
    found: dict[str, set[str]] = {room(module): set() for module in inner}
    for module in inner:
        found[room(module)] |= {room(other) for other in graph[module] if room(other) in found} - {room(module)}
    return found


def test_no_module_imports_itself_by_way_of_others():
    assert circle(imports()) == []


def test_imports_point_one_way_between_rooms():
    """For the files and folders of each folder, from the four packages down to the smallest room."""
    folders = ["", *(module for module, path in modules().items() if path.name == "__init__.py")]
    assert [found for folder in folders if (found := circle(rooms_of(folder, imports())))] == []


def package(folder: Path, files: Mapping[str, str]) -> dict[str, Path]:
    """A package "p" with these files, by path; each folder has at least an `__init__`."""
    for name, text in files.items():
        path = folder / "p" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    for path in (folder / "p", *(folder / "p").glob("*/")):
        (path / "__init__.py").touch()
    return modules_below(folder, ("p",))


LAZY = "from x import lazy\n__getattr__, __dir__ = lazy.attach(__name__, modules=['b'], names={'f': 'a.one'})"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"one": "import p.two", "two": "def f():\n    from .one import g"}, ["p.one", "p.two"]),
        ({"__init__": "from .one import g", "one": "from p import f, two", "two": ""}, ["p", "p.one"]),
        ({"a/__init__": "from .one import g", "a/one": "from p.a.two import f\nfrom p import a", "a/two": ""}, ["p.a", "p.a.one"]),
        ({"__init__": LAZY, "a/one": "import p.b.two", "b/two": "from p import f"}, ["p.a.one", "p.b.two"]),
        ({"__init__": LAZY, "a/one": "import p"}, ["p", "p.a.one"]),
        ({"one": "import p.a.two", "a/__init__": "from . import three", "a/two": "", "a/three": "import p.one"}, ["p.a", "p.a.three", "p.one"]),
        ({"one": "import importlib\nimportlib.import_module('p.two')", "two": "import p.one"}, ["p.one", "p.two"]),
        ({"one": "import_module('.two', __package__)", "two": "import p.one"}, ["p.one", "p.two"]),
        ({"one": "import_module(f'.{x}', package=__package__)", "two": "import p.one"}, ["p.one", "p.two"]),
        ({"one": "if not TYPE_CHECKING:\n    import p.two", "two": "import p.one"}, ["p.one", "p.two"]),
        ({"one": "if TYPE_CHECKING:\n    pass\nelse:\n    import p.two", "two": "import p.one"}, ["p.one", "p.two"]),
        ({"one": "if TYPE_CHECKING or x:\n    import p.two", "two": "import p.one"}, ["p.one", "p.two"]),
    ],
)  # fmt: skip
def test_a_circle_would_be_found(tmp_path, files, expected):
    assert sorted(set(circle(imports_among(package(tmp_path, files))))) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"one": "if typing.TYPE_CHECKING:\n    import p.two", "two": "import p.one"},
        {"one": "if not TYPE_CHECKING:\n    pass\nelse:\n    import p.two", "two": "import p.one"},
        {"__init__": "from . import one, two", "one": "from p import two", "two": ""},
        {"__init__": LAZY, "a/one": "import p.b.two", "b/__init__": "from p import three", "b/two": "", "three": ""},
    ],
)
def test_what_is_no_circle_is_not_taken_for_one(tmp_path, files):
    assert circle(imports_among(package(tmp_path, files))) == []


def test_a_circle_between_rooms_would_be_found(tmp_path):
    """Even though there is no cycle between files."""
    files = {"a/one": "import p.b.one", "a/two": "", "b/one": "", "b/two": "import p.a.two"}
    graph = imports_among(package(tmp_path, files))
    assert circle(graph) == []
    assert circle(rooms_of("p", graph)) == ["p.a", "p.b", "p.a"]
    assert circle(rooms_of("", graph)) == circle(rooms_of("p.a", graph)) == []


def violations(room: str, wrong) -> list[str]:
    """The forbidden imports of a room's modules, according to `wrong`, as sentences."""
    inner = (module for module in sorted(modules()) if within(module, room))
    return [f"{module} imports {name}" for module in inner for name in sorted(imports()[module]) if wrong(module, name)]


@pytest.mark.parametrize(
    ("room", "never"),
    [
        ("data_fetch.transfer", ("store", "sources", "datasets", "checkpoints", "cli")),
        ("data_fetch.store", ("sources", "datasets", "checkpoints", "cli")),
        ("data_fetch.sources", ("datasets", "checkpoints", "cli")),
        ("data_fetch.datasets", ("checkpoints", "cli")),
        ("data_fetch.checkpoints", ("transfer", "sources", "datasets", "cli")),
        ("medxai.evaluate", ("networks", "explain", "lab", "plots", "checks")),
        ("medxai.networks", ("explain", "lab", "plots", "checks")),
        ("medxai.explain", ("evaluate", "lab", "plots", "checks")),
        ("medxai.lab", ("networks", "explain", "evaluate", "checks")),
        ("medxai.plots", ("networks", "explain", "lab", "checks")),
        ("autograder.course", ("author", "release", "collect", "notebook", "run", "check", "record", "report")),
        ("autograder.author", ("release", "collect", "run", "record", "report")),
        ("autograder.release", ("collect", "run", "record", "report")),
        ("autograder.notebook", ("author", "release", "collect", "run", "check", "record", "report")),
        ("autograder.collect", ("author", "release", "run", "check", "record", "report")),
        ("autograder.run", ("author", "release", "attack")),
        ("autograder.check", ("author", "release", "collect", "run", "record", "report")),
        ("autograder.check.runner", ("check.student", "check.checker")),
        ("autograder.record", ("author", "release", "collect", "run", "report")),
        (
            "autograder.report",
            ("author", "release", "collect", "run", "check.student", "check.checker", "check.runner"),
        ),
    ],
)
def test_rooms_know_only_what_they_may(room, never):
    forbidden = [f"{room.split('.')[0]}.{name}" for name in never]
    assert violations(room, lambda _, name: any(within(name, other) for other in forbidden)) == []


@pytest.mark.parametrize(
    ("room", "needs"),
    [
        ("data_fetch", ()),
        ("medxai", ("data_fetch",)),
        ("warmkernel", ()),
        # Code that runs in a sandbox, or is copied into one, and must find all its imports there.
        ("warmkernel.inside", ()),
        ("autograder.check.protocol", ("autograder.plain_text",)),
        ("autograder.check.student", ("autograder.check.protocol",)),
        (
            "autograder.check.checker",
            ("autograder.check.protocol", "autograder.notebook.syntax", "autograder.notebook.code_cells", "warmkernel.inside"),
        ),
    ],
)  # fmt: skip
def test_of_ours_a_room_needs_only_this(room, needs):
    """Besides itself, and the packages that contain what it needs."""
    known = (room, *needs)
    assert violations(room, lambda _, name: not any(within(name, at) or within(at, name) for at in known)) == []


@pytest.mark.parametrize(
    ("room", "importers"),
    [
        ("autograder.check.student", ()),  # check.runner.responder_code reads its text
        ("autograder.check.checker", ()),
        ("autograder.attack", ("autograder.cli",)),
        ("autograder.demo", ("autograder.cli",)),
        ("autograder.cli", ()),
        ("data_fetch.cli", ("data_fetch.__main__",)),
    ],
)
def test_a_room_is_imported_only_by(room, importers):
    """The runner starts the code that runs next to a student or decides on marks, but never imports it."""
    inside = (room, *importers)
    wrong = [
        f"{module} imports {name}"
        for module, names in sorted(imports().items())
        for name in sorted(names)
        if within(name, room) and not any(within(module, other) for other in inside)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["autograder.check.student", "autograder.check.protocol"])
def test_what_runs_beside_a_student_needs_only_the_standard_library(room):
    """On import, including its own imports; arrays, tables and networks are imported only when the student has some."""
    waiting = [module for module in modules() if within(module, room)]
    for module in waiting:
        for node in tree(modules()[module]).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                from_ = isinstance(node, ast.ImportFrom)
                source = [node.module or ""] if from_ else [alias.name for alias in node.names]
                others = [name for name in source if name.split(".")[0] not in sys.stdlib_module_names]
                assert all(name.split(".")[0] == "autograder" for name in others), f"{module} imports {others}"
        waiting += sorted(imports()[module] - set(waiting))


# These modules rebuild networks that students return: in the checker's child, whose host has imported Keras once for all,
# and in the student's kernel.
NETWORKS = {
    "autograder.check.checker.host_process",
    "autograder.check.checker.networks",
    "autograder.check.student.responder",
}


@pytest.mark.parametrize("package", ["data_fetch", "autograder"])
def test_tensorflow_is_not_imported(package):
    for module, path in modules().items():
        if within(module, package) and module not in NETWORKS:
            assert not {source.split(".")[0] for source, _ in named(module, path)} & {"tensorflow", "keras"}, module
