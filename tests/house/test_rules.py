"""Rules that hold for every file of the project, whoever wrote it."""

from __future__ import annotations

import ast
import json
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("data_fetch", "medxai", "autograder", "warmkernel")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git keeps or would keep; where this is no clone, every file that is not made by a tool."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    if listed.returncode == 0:
        return tuple(ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    skipped = {".venv", ".uv", "__pycache__", "dist", "build"}
    return tuple(p for p in ROOT.rglob("*") if p.is_file() and not skipped & set(p.relative_to(ROOT).parts))


@cache
def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture, a checkpoint, a table of numbers


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def code_cells(path: Path) -> list[str]:
    """The sources of a notebook's code cells, without IPython's magic lines."""
    cells = [c for c in json.loads(text_of(path))["cells"] if c["cell_type"] == "code"]
    return [re.sub(r"(?m)^\s*[%!].*$", "pass", "".join(c["source"])) for c in cells]


def programs() -> list[tuple[str, ast.Module]]:
    """Every piece of Python in the project: modules, sources of labs, mutants, cells of notebooks."""
    found = [(str(p.relative_to(ROOT)), tree_of(p)) for p in tracked() if p.suffix == ".py" and "broken" not in p.parts]
    for path in tracked():
        if path.suffix == ".ipynb":
            for source in code_cells(path):
                found.append((str(path.relative_to(ROOT)), ast.parse(source)))
    return found


def imported(tree: ast.AST) -> set[str]:
    """First parts of the names of all modules imported anywhere in a tree."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


def test_no_machine_is_named():
    """No path of one computer, no address of a package registry."""
    parts = [r"/(?:home|root|Users)/\w", r"(?<![\w.])/wor[k]/\w", r"\b[A-Z]:\\\\?Users"]
    parts += [r"(?:files\.pythonhosted|registry\.npmjs|pypi|anaconda)\.(?:org|com)/"]
    pattern = re.compile("|".join(parts))
    for path in tracked():
        if path == Path(__file__).resolve():
            continue
        found = pattern.search(text_of(path))
        assert not found, f"{path.relative_to(ROOT)}: {found[0]}"


def test_nothing_is_pickled():
    for name, tree in programs():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, f"{name}: allow_pickle"
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("read_pickle", "to_pickle"), f"{name}: {node.attr}"
        assert not imported(tree) & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}, name
    assert not [p for p in tracked() if p.suffix in (".pkl", ".pickle", ".joblib")]


def test_no_misleading_colours():
    """Jet has edges where the data have none, and inverted greys turn a radiograph into something nobody reads."""
    for name, tree in programs():
        for node in ast.walk(tree):
            called = node.attr if isinstance(node, ast.Attribute) else None
            if isinstance(node, ast.keyword) and node.arg == "cmap" and isinstance(node.value, ast.Constant):
                called = node.value.value
            assert called not in ("jet", "jet_r", "rainbow", "gray_r", "Greys"), f"{name}, line {node.lineno}: {called}"


# Here networks that students return are built again, when one comes: in the checker's child and in the student's kernel.
NETWORKS = {"autograder/check/checker/networks.py", "autograder/check/student/responder.py"}


@pytest.mark.parametrize(
    ("package", "never"),
    [("data_fetch", {"medxai", "autograder", "tensorflow", "keras"}), ("medxai", {"autograder", "nbgrader", "warmkernel"}),
     ("autograder", {"tensorflow", "keras"}),
     ("warmkernel", {"data_fetch", "medxai", "autograder", "nbgrader", "tensorflow", "keras"})],
)  # fmt: skip
def test_dependencies_point_one_way(package, never):
    for path in tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == package:
            allowed = {"keras", "tensorflow"} if path.relative_to(ROOT).as_posix() in NETWORKS else set()
            assert not imported(tree_of(path)) & never - allowed, path.relative_to(ROOT)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_is_quick_and_silent(package):
    """No TensorFlow, no network, nothing printed; for data_fetch and autograder with all their modules."""
    modules = [package]
    if package != "medxai":
        found = pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        modules += [m.name for m in found if not m.name.endswith("__main__") and "checkpoints" not in m.name]
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise OSError('no network on import')\n"
        "socket.create_connection = socket.getaddrinfo = refuse\n"
        f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
        "sys.exit(','.join({'tensorflow', 'keras'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


# What Python 3.11.0 has not: later patches of 3.11, and 3.12. Keywords by the name of what is called with them.
LATER_NAMES = {
    "data_filter", "tar_filter", "fully_trusted_filter", "extraction_filter", "FilterError", "SetReparseDeferralEnabled",
    "batched", "override", "monitoring", "listdrives", "sumprod", "isjunction", "is_junction",
    "TypeAliasType", "BufferFlags",
}  # fmt: skip
LATER_KEYWORDS = {
    "extract": {"filter"}, "extractall": {"filter"}, "unpack_archive": {"filter"}, "rmtree": {"onexc"},
    "NamedTemporaryFile": {"delete_on_close"}, "TemporaryDirectory": {"delete"}, "relative_to": {"walk_up"},
    "glob": {"case_sensitive"}, "rglob": {"case_sensitive"}, "match": {"case_sensitive"},
    "getaddresses": {"strict"}, "parseaddr": {"strict"}, "run": {"loop_factory"},
}  # fmt: skip


def later_than_the_first_3_11(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found += [alias.name for alias in node.names if alias.name in LATER_NAMES]
        elif isinstance(node, ast.Attribute) and node.attr in LATER_NAMES:
            found.append(node.attr)
        elif isinstance(node, ast.Attribute) and node.attr == "walk" and isinstance(node.value, ast.Call):
            found += ["Path.walk"] if ast.unparse(node.value.func).endswith("Path") else []
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found += [f"{name}({k.arg}=)" for k in node.keywords if k.arg in LATER_KEYWORDS.get(name, ())]
    return found


def test_nothing_is_newer_than_python_3_11_0():
    """Debian 12 has 3.11.2; whoever writes on a newer patch does not see what it lacks."""
    for name, tree in programs():
        assert not later_than_the_first_3_11(tree), f"{name}: {', '.join(later_than_the_first_3_11(tree))}"
    for line in (
        "t.extractall('.', filter='data')",
        "from tarfile import data_filter",
        "itertools.batched(a, 2)",
        "Path('.').walk()",
    ):
        assert later_than_the_first_3_11(ast.parse(line)), line


def locale_decides(tree: ast.AST) -> list[int]:
    """Lines on which a text file or what a program prints is read or written as whatever the locale says."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or {"encoding", None} & {k.arg for k in node.keywords}:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        modes = [
            n.value
            for n in [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            if isinstance(n, ast.Constant)
        ]
        if called == "open" and owner not in ("", "io"):  # of a path; other things that open have no mode
            modes = [n.value for n in node.args[:1] if isinstance(n, ast.Constant)]
            text = bool(modes) and isinstance(modes[0], str) and re.fullmatch(r"[rwax+t]{1,3}", modes[0])
        elif called in ("open", "fdopen"):
            text = not any("b" in str(mode) for mode in modes)
        elif called in ("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"):  # binary where no mode is named
            modes += [n.value for n in node.args[:1] if isinstance(n, ast.Constant)]
            text = any(isinstance(mode, str) and "b" not in mode for mode in modes)
        else:
            text = (called == "read_text" and not node.args) or (called == "write_text" and len(node.args) < 2)
            asked = {"text", "universal_newlines"} & {k.arg for k in node.keywords}
            text = text or (called in ("run", "Popen", "check_output") and bool(asked))
        lines += [node.lineno] if text else []
    return lines


def test_no_locale_decides_what_text_is():
    for name, tree in programs():
        assert not locale_decides(tree), f"{name}, lines {locale_decides(tree)}: no encoding"
    for line in (
        "open(p)",
        "open(p, 'w')",
        "p.open('w')",
        "p.read_text()",
        "p.write_text(t)",
        "subprocess.run(c, text=True)",
        "tempfile.NamedTemporaryFile('w')",
    ):
        assert locale_decides(ast.parse(line)), line
    for line in ("open(p, 'rb')", "tempfile.TemporaryFile()", "p.read_text(encoding='utf-8')"):
        assert not locale_decides(ast.parse(line)), line


def test_nothing_large_is_committed():
    for path in tracked():
        limit = 3_000_000 if path.suffix == ".h5" else 1_000_000
        assert path.stat().st_size <= limit, f"{path.relative_to(ROOT)} has {path.stat().st_size:,} bytes"


def test_ruff():
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, f"ruff {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"


def test_mypy():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
