"""Versions of a lab: the current one, the snapshot of each, and who handed in under which."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from autograder.course.course import Course
from autograder.errors import SourceError, read_source


def snapshot(course: Course, version: str) -> Path:
    """Where a release is kept: `notebooks/LAB` as students got it, `solutions/LAB` as it was, `release.json`."""
    return course.state / "releases" / version


def submitters(course: Course, lab: str, version: str) -> list[str]:
    """The students who handed in a lab under a version (or without saying which), kept attempts included."""
    folders = [*course.submitted.glob(f"*/{lab}"), *(course.state / "attempts").glob(f"*/{lab}/*")]
    found = set()
    for folder in folders:
        notebooks = sorted(folder.glob("*.ipynb"))
        claims = {_claimed_release(path) for path in notebooks}
        if notebooks and (version in claims or claims == {None}):
            found.add(
                folder.relative_to(
                    course.submitted if course.submitted in folder.parents else course.state / "attempts"
                ).parts[0]
            )
    return sorted(found)


def _claimed_release(path: Path) -> str | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))["metadata"]["medxai"]["release"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def current_version(course: Course, name: str) -> str:
    """The version that a lab is released as now."""
    return f"{name.split('_')[0]}-r{release_number(course.solutions / name)}"


def version_of(notebook: Any) -> str:
    """The release that a notebook says it is of, or ""."""
    meta = notebook.get("metadata", {}).get("medxai", {})
    return str(meta.get("release", "")) if isinstance(meta, dict) else ""


def release_number(folder: Path) -> int:
    """The release that the lab is at, from its release.toml."""
    path = Path(folder) / "release.toml"
    if not path.is_file():
        raise SourceError(path, None, "missing. Write one line into it: version = 1")
    try:
        number = tomllib.loads(read_source(path)).get("version")
    except tomllib.TOMLDecodeError as e:
        raise SourceError(path, None, f"this is not TOML: {e}. Expected one line: version = 1") from None
    if not isinstance(number, int) or number < 1:
        raise SourceError(path, 1, f"expected `version = ` and a whole number from 1, got {number!r}.")
    return number
