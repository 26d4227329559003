"""Which file imports which: no circle, and in each room only what that room may know."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("data_fetch", "medxai", "autograder", "warmkernel")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Every module of the four packages, but not the labs of the course that is attacked."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {module_of(path): path for path in found if "attack/course" not in path.as_posix()}


def named(module: str, path: Path) -> set[str]:
    """The names that a module imports, wherever in it the import stands; those for type checkers only are left out."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
        waiting += ast.iter_child_nodes(node)
    return names


@cache
def imports() -> dict[str, set[str]]:
    """The modules of ours that each module imports. `from package import module` imports the module, not what else
    the package's `__init__` names."""
    found = {}
    for module, path in modules().items():
        names = {name for name in named(module, path) if name in modules() and name != module}
        inner = {name.rpartition(".")[0] for name in names}
        packages = {name for name in names & inner if modules()[name].name == "__init__.py"}
        found[module] = names - packages
    return found


def circle() -> list[str]:
    """The modules of one circle of imports, in order; empty where there is none."""
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for other in sorted(imports()[module]):
            if found := visit(other, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(modules()) if (found := visit(module, []))), [])


def test_no_module_imports_itself_by_way_of_others():
    assert circle() == []


def test_a_circle_would_be_found(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "modules", lambda: dict.fromkeys("abcd", Path()))
    monkeypatch.setattr(sys.modules[__name__], "imports", lambda: {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": set()})
    assert circle() == ["b", "c", "b"]


@pytest.mark.parametrize(
    ("room", "never"),
    [
        ("autograder.course", ("author", "release", "collect", "notebook", "run", "check", "record", "report")),
        ("autograder.author", ("release", "collect", "run", "record", "report")),
        ("autograder.release", ("collect", "run", "record", "report")),
        ("autograder.notebook", ("author", "release", "collect", "run", "check", "record", "report")),
        ("autograder.collect", ("author", "release", "run", "check", "record", "report")),
        ("autograder.run", ("author", "release", "attack")),
        ("autograder.check", ("author", "release", "collect", "run", "record", "report")),
        ("autograder.check.protocol", ("check.student", "check.checker", "check.runner", "notebook", "course")),
        ("autograder.check.student", ("check.checker", "check.runner", "notebook", "course")),
        ("autograder.check.checker", ("check.student", "check.runner")),
        ("autograder.record", ("author", "release", "collect", "run", "report")),
        (
            "autograder.report",
            ("author", "release", "collect", "run", "check.student", "check.checker", "check.runner"),
        ),
        ("autograder", ("demo", "cli")),
    ],
)
def test_rooms_know_only_what_they_may(room, never):
    forbidden = tuple(f"autograder.{name}" for name in never)
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if f"{module}.".startswith(f"{room}.")
        for name in sorted(imports()[module])
        if f"{name}.".startswith(tuple(f"{other}." for other in forbidden))
    ]
    assert wrong == []


def test_what_runs_in_the_checkers_sandbox_runs_nowhere_else():
    room = "autograder.check.checker"
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if not f"{module}.".startswith(f"{room}.")
        for name in sorted(imports()[module])
        if f"{name}.".startswith(f"{room}.")
    ]
    assert wrong == []


def test_of_warmkernel_the_checker_knows_only_what_runs_in_sandboxes():
    """Neither may a check that a student's answer leads astray find what starts processes, nor need it."""
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if module.startswith("autograder.check.checker")
        for name in sorted(imports()[module])
        if name.startswith("warmkernel") and not name.startswith("warmkernel.inside")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["autograder.check.student", "autograder.check.protocol"])
def test_what_runs_beside_a_student_needs_only_the_standard_library(room):
    """When it is imported, with all that it imports; arrays, tables and networks are handled once the student has some."""
    waiting = [module for module in modules() if f"{module}.".startswith(f"{room}.")]
    for module in waiting:
        for node in ast.parse(modules()[module].read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                from_ = isinstance(node, ast.ImportFrom)
                source = [node.module or ""] if from_ else [alias.name for alias in node.names]
                others = [name for name in source if name.split(".")[0] not in sys.stdlib_module_names]
                assert all(name.split(".")[0] == "autograder" for name in others), f"{module} imports {others}"
        waiting += sorted(imports()[module] - set(waiting))


def test_warmkernel_imports_nothing_of_ours():
    for module, path in modules().items():
        if module.split(".")[0] == "warmkernel":
            ours = {name for name in named(module, path) if name.split(".")[0] in PACKAGES}
            assert all(name.split(".")[0] == "warmkernel" for name in ours), module


# Networks that students return are built again here, when one comes: in the checker's child and in the student's kernel.
NETWORKS = {"autograder.check.checker.networks", "autograder.check.student.responder"}


@pytest.mark.parametrize("package", ["data_fetch", "autograder"])
def test_tensorflow_is_not_imported(package):
    for module, path in modules().items():
        if module.split(".")[0] == package and module not in NETWORKS:
            assert not {name.split(".")[0] for name in named(module, path)} & {"tensorflow", "keras"}, module
