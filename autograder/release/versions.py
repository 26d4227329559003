"""The students who submitted under each version of a lab."""

from __future__ import annotations

from pathlib import Path

from autograder.course.course import Course
from autograder.notebook.read import SubmissionError, bytes_of, claims_of, parse


def submitters(course: Course, lab: str, version: str) -> list[str]:
    """The students with a hand-in under a version (or without a version), earlier hand-ins included."""
    found = set()
    for top, pattern in ((course.submitted, f"*/{lab}"), (course.state / "hand_ins", f"*/{lab}/*")):
        for folder in top.glob(pattern):
            claims = {_claimed_release(path) for path in sorted(folder.glob("*.ipynb"))}
            if version in claims or claims == {None}:
                found.add(folder.relative_to(top).parts[0])
    return sorted(found)


def _claimed_release(path: Path) -> str | None:
    try:
        return claims_of(parse(bytes_of(path), path.name)).get("release")
    except (OSError, SubmissionError):
        return None
