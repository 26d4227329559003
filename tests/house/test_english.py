"""The list "Phrases not to use" in docs/contributing.md: none of them occurs in a message, help text, docstring, comment,
template or document."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("data_fetch", "medxai", "warmkernel", "autograder")
TEMPLATES = (".j2", ".html", ".js", ".md")
LIST = ROOT / "docs" / "contributing.md"
HEADING = "## Phrases not to use"


def without_list(text: str) -> str:
    """A document with the section of the list blanked; line numbers are kept."""
    return re.sub(rf"(?ms)^{HEADING}$.*?(?=^## |\Z)", lambda match: "\n" * match[0].count("\n"), text)


@cache
def phrases() -> Mapping[str, str]:
    """Each phrase with what to write instead, from the table in docs/contributing.md."""
    section = re.search(rf"(?ms)^{HEADING}$(.*?)(?=^## |\Z)", LIST.read_text(encoding="utf-8"))
    assert section, f"{LIST.relative_to(ROOT)} has no section {HEADING!r}"
    rows = re.findall(r"(?m)^\| ([^|]+?) \| ([^|]+?) \|$", section[1])
    return {phrase: instead for phrase, instead in rows if phrase not in ("phrase", "---")}


def pattern(of: Mapping[str, str]) -> re.Pattern[str]:
    """Finds any of these phrases as whole words, ignoring case and line breaks."""
    one_of = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in of)
    return re.compile(rf"(?<!\w)(?:{one_of})(?!\w)", re.IGNORECASE)


def in_text(text: str, of: Mapping[str, str], first_line: int = 1) -> Iterator[tuple[int, str]]:
    """(line, what to write instead) of each phrase in a text whose first line has this number."""
    for match in pattern(of).finditer(text):
        phrase = " ".join(match[0].lower().split())
        yield first_line + text.count("\n", 0, match.start()), f'"{phrase}": write "{of[phrase]}"'


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of every string, docstring and f-string in a syntax tree, with "{}" for the values of an f-string."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            children = [part for part in children if not isinstance(part, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        waiting += children


def comments(source: str) -> Iterator[tuple[int, str]]:
    """(first line, text) of the comments in a source; the lines of a comment are joined."""
    block: list[str] = []
    last = first = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            if block and line != last + 1:
                yield first, "\n".join(block)
                block = []
            if not block:
                first = line
            block.append(token.string.lstrip("#"))
            last = line
    if block:
        yield first, "\n".join(block)


def in_python(source: str, of: Mapping[str, str]) -> list[tuple[int, str]]:
    """(line, what to write instead) of each phrase in the strings and comments of a Python source."""
    texts = [*strings(ast.parse(source)), *comments(source)]
    return sorted({found for line, text in texts for found in in_text(text, of, line)})


def in_file(path: Path, of: Mapping[str, str]) -> list[str]:
    """The phrases in a file, as file:line and what to write instead."""
    text = path.read_text(encoding="utf-8")
    if path == LIST:
        text = without_list(text)
    found = in_python(text, of) if path.suffix == ".py" else in_text(text, of)
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return [f"{where}:{line}: {instead}" for line, instead in found]


def searched() -> list[Path]:
    """The Python files and templates of the four packages, README, CHANGELOG and docs."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
    paths = [ROOT / name for name in names if name]
    return [
        path
        for path in sorted(paths)
        if path.is_file()
        and (
            (path.relative_to(ROOT).parts[0] in PACKAGES and path.suffix in (".py", *TEMPLATES))
            or (path.relative_to(ROOT).parts[0] in ("README.md", "CHANGELOG.md", "docs") and path.suffix == ".md")
        )
    ]


def test_the_texts_are_plain_english():
    files = searched()
    assert {path.relative_to(ROOT).parts[0] for path in files} >= {*PACKAGES, "README.md", "docs"}
    found = [line for path in files for line in in_file(path, phrases())]
    assert not found, "phrases not to use (docs/contributing.md):\n" + "\n".join(found)


def test_the_list_has_phrases_and_replacements():
    assert len(phrases()) > 20
    assert all(phrase == phrase.lower() == " ".join(phrase.split()) for phrase in phrases())
    assert all(instead.strip() for instead in phrases().values())


PLANTED = {
    "message.py": ('def f():\n    raise ValueError("The film "\n        "is of its OWN kind.")\n', 2),
    "f_string.py": ('def f(n):\n    return f"{n} films of its own kind: {n}"\n', 2),
    "value_in_f_string.py": ("def f(n):\n    return f\"{'of its own kind' if n else ''}\"\n", 2),
    "docstring.py": ('"""A module.\n\nAn error of its\nown kind.\n"""\n', 3),
    "comment.py": ("x = 1\n# This one is of its own\n# kind.\ny = 2\n", 2),
    "trailing_comment.py": ("x = 1  # of its own kind\n", 1),
    "help.py": ('import typer\nWhere = typer.Option(help="a folder of its own kind")\n', 2),
    "page.html.j2": ("<p>{{ name }}</p>\n<p>of its\n  own kind</p>\n", 2),
    "page.md": ("# A page\n\nAn error of its own\nkind.\n", 3),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_phrase_is_found(tmp_path, name):
    text, line = PLANTED[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert in_file(path, {"of its own kind": "custom"}) == [f'{path}:{line}: "of its own kind": write "custom"']


def test_only_whole_words_in_texts_are_found(tmp_path):
    path = tmp_path / "code.py"
    path.write_text('beside_it = anew = 1\nprint("renewal", f"{anew}", "two" "anews")\n', encoding="utf-8")
    assert in_file(path, {"anew": "again", "beside": "next to"}) == []


def test_the_list_itself_is_not_searched():
    text = f"# A page\n\n{HEADING}\n\n| anew | again |\n\n## More\n\nanew\n"
    assert list(in_text(without_list(text), {"anew": "again"})) == [(9, '"anew": write "again"')]
