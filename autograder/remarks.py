"""Remarks on a submission as a whole, as data, and the sentence for each; the sentences are never parsed.

Why a notebook could not be read, what was changed in it, how its cells ended. The result of one graded cell is a
`Finding`, worded in `record.sentences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from autograder.plain_text import plain


class About(StrEnum):
    """What a remark is about."""

    # Why a submission, or one of its notebooks, could not be graded.
    NO_FOLDER = "no_folder"
    MISSING = "missing"
    NO_FILE = "no_file"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    WEB_PAGE = "web_page"
    ZIP_ARCHIVE = "zip_archive"
    TOO_MANY_PARTS = "too_many_parts"
    NO_JSON = "no_json"
    NESTED = "nested"
    NO_CELLS = "no_cells"
    CELLS_UNREADABLE = "cells_unreadable"
    CELLS_DO_NOT_FIT = "cells_do_not_fit"
    NOT_RUN = "not_run"
    GRADER_FAILED = "grader_failed"

    # For manual review of a graded submission.
    OTHER_RELEASE = "other_release"
    NOT_OF_THE_LAB = "not_of_the_lab"
    DOUBLE = "double"
    CELL_MISSING = "cell_missing"
    LOCKED_CHANGED = "locked_changed"
    LONG_CELL = "long_cell"
    POINTS_CHANGED = "points_changed"
    MORE_CELLS = "more_cells"
    MORE_FILES = "more_files"
    FILE_NOT_TAKEN = "file_not_taken"
    CELL_RAISED = "cell_raised"
    CELL_OUT_OF_TIME = "cell_out_of_time"
    CELL_ENDED_KERNEL = "cell_ended_kernel"
    NOT_IN_GRADEBOOK = "not_in_gradebook"


@dataclass(frozen=True)
class Remark:
    """One remark on a submission; `said` gives its wording.

    Attributes
    ----------
    about : About
    name : str
        The file, notebook or cell that it is about.
    names : tuple of str
        If there are several.
    text : str
        What was found: a release, an exception's class, the operating system's message.
    expected : str
        What was expected, if `about` does not determine it.
    found, most : float or None
        The number found, and the maximum.
    line : int or None
        Line of the file, from 1.
    """

    about: About
    name: str = ""
    names: tuple[str, ...] = ()
    text: str = ""
    expected: str = ""
    found: float | None = None
    most: float | None = None
    line: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data, without empty fields; `from_json` reads it."""
        return {key: value for key, value in asdict(self).items() if value not in ("", (), None)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Remark:
        """The inverse of `to_json`. ValueError or TypeError for other data."""
        return cls(**{**data, "about": About(data["about"]), "names": tuple(data.get("names", ()))})


def said(remark: Remark) -> str:
    """The wording of a remark: a sentence if something was not graded, else a note without a full stop."""
    return plain(_SENTENCES[remark.about](remark), 2000)


def all_said(remarks: Iterable[Remark]) -> str:
    """The wording of several remarks, joined."""
    return plain(" ".join(map(said, remarks)), 2000)


def _megabytes(size: float | None) -> str:
    return f"{(size or 0) / 1e6:.0f}"


def _count(number: float | None) -> str:
    return f"{number or 0:,.0f}"


def _others(remark: Remark) -> str:
    first, more = ", ".join(remark.names), (remark.found or 0) - len(remark.names)
    return f"not part of the lab and not graded: {first}" + (f" and {more:.0f} more" if more > 0 else "")


def _no_json(remark: Remark) -> str:
    where = f" (line {remark.line})" if remark.line else ""
    return f"{remark.name} is not a notebook: it is not valid JSON{where}. Was the upload cut off?"


_SENTENCES: dict[About, Callable[[Remark], str]] = {
    About.NO_FOLDER: lambda r: f"{r.name} is a link or not a folder; it was not read.",
    About.MISSING: lambda r: (
        f"{r.name} is missing from the submission. Ask the student for it, or copy the released notebook there to grade it as blank."
    ),
    About.NO_FILE: lambda r: f"{r.name} is not a file.",
    About.TOO_LARGE: lambda r: f"{r.name} is {_megabytes(r.found)} MB; the limit is {_megabytes(r.most)} MB.",
    About.EMPTY: lambda r: f"{r.name} is empty. Expected a notebook; was the upload cut off?",
    About.WEB_PAGE: lambda r: (
        f"{r.name} is a web page, not a notebook. Was a page (perhaps a login page) saved instead of the file?"
    ),
    About.ZIP_ARCHIVE: lambda r: (
        f"{r.name} is a zip archive, not a notebook. Rename it to LAB--STUDENT.zip and collect it."
    ),
    About.TOO_MANY_PARTS: lambda r: (
        f"{r.name} has too many parts for a notebook: about {_count(r.found)}; the limit is {_count(r.most)}."
    ),
    About.NO_JSON: _no_json,
    About.NESTED: lambda r: f"{r.name} is not a notebook: it is nested too deeply.",
    About.NO_CELLS: lambda r: f"{r.name} is JSON but not a notebook: it has no list of cells.",
    About.CELLS_UNREADABLE: lambda r: f"{r.name} is damaged: its cells cannot be read ({r.text}).",
    About.CELLS_DO_NOT_FIT: lambda r: f"{r.name} is damaged: its cells do not fit the released notebook ({r.text}).",
    About.NOT_RUN: lambda r: f"Not run: {', '.join(r.names)}.{f' {r.text}' if r.text else ''}",
    About.GRADER_FAILED: lambda r: plain(f"The grader itself failed on this submission ({r.name}: {r.text}).", 600),
    About.OTHER_RELEASE: lambda r: f"{r.name} claims release {r.text}; graded against {r.expected}",
    About.NOT_OF_THE_LAB: _others,
    About.DOUBLE: lambda r: f"{r.name} appears more than once; the last one counts",
    About.CELL_MISSING: lambda r: f"{r.name} was missing; the released cell was used",
    About.LOCKED_CHANGED: lambda r: f"{r.name} is locked and was changed; the released text was used",
    About.LONG_CELL: lambda r: (
        f"{r.name or 'a cell'} is longer than {_count(r.most)} characters; the released text was used"
    ),
    About.POINTS_CHANGED: lambda r: f"{r.name}: the points were changed; the released ones count",
    About.MORE_CELLS: lambda r: f"too many or too long cells were added (limit: {r.text}); the rest were ignored",
    About.MORE_FILES: lambda r: f"too many or too large files (limit: {r.text}); the rest were ignored",
    About.FILE_NOT_TAKEN: lambda r: f"the file {r.name} could not be copied ({r.text})",
    About.CELL_RAISED: lambda r: plain(f"{r.name}, a locked cell, raised {r.text}", 300),
    About.CELL_OUT_OF_TIME: lambda r: plain(f"{r.name}: {r.text}", 300),
    About.CELL_ENDED_KERNEL: lambda r: plain(f"{r.name} ended the kernel: {r.text}", 300),
    About.NOT_IN_GRADEBOOK: lambda r: f"{r.name} of {r.text} is not in the gradebook, which holds another release",
}
