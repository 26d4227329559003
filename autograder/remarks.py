"""What there is to say of a submission as a whole, as data, and the one sentence for each; nothing reads the sentences back.

Why a notebook could not be read, what was changed in it, how its cells ended. What is said of one graded cell is a `Finding`,
whose words are in `record.sentences`.
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

    # What a person should know of one that was.
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
    """One thing to say of a submission; `said` has the words.

    Attributes
    ----------
    about : About
    name : str
        The file, notebook or cell that it is about.
    names : tuple of str
        Where there are several.
    text : str
        What was found there: a release, the class of an exception, the system's word.
    expected : str
        What should have been there, where that is not known from `about`.
    found, most : float or None
        How much there is, and how much there may be.
    line : int or None
        Of a file, from 1.
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
        """As plain data, without what is not known; `from_json` reads it."""
        return {key: value for key, value in asdict(self).items() if value not in ("", (), None)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Remark:
        """What `to_json` made. ValueError or TypeError where it is something else."""
        return cls(**{**data, "about": About(data["about"]), "names": tuple(data.get("names", ()))})


def said(remark: Remark) -> str:
    """What people read of a remark: a sentence of why something was not graded, else a note without a full stop."""
    return plain(_SENTENCES[remark.about](remark), 2000)


def all_said(remarks: Iterable[Remark]) -> str:
    """Several sentences, in a row."""
    return plain(" ".join(map(said, remarks)), 2000)


def _megabytes(size: float | None) -> str:
    return f"{(size or 0) / 1e6:.0f}"


def _count(number: float | None) -> str:
    return f"{number or 0:,.0f}"


def _others(remark: Remark) -> str:
    first, more = ", ".join(remark.names), (remark.found or 0) - len(remark.names)
    return f"not part of the lab, not graded: {first}" + (f" and {more:.0f} more" if more > 0 else "")


def _no_json(remark: Remark) -> str:
    where = f" (line {remark.line})" if remark.line else ""
    return f"{remark.name} is not a notebook: it is not valid JSON{where}. Was the upload cut off?"


_SENTENCES: dict[About, Callable[[Remark], str]] = {
    About.NO_FOLDER: lambda r: f"{r.name} is a link or no folder; nothing behind it was read.",
    About.MISSING: lambda r: (
        f"{r.name} is missing from the submission. Ask for it, or copy the released one there to grade it as blank."
    ),
    About.NO_FILE: lambda r: f"{r.name} is not a file.",
    About.TOO_LARGE: lambda r: f"{r.name} has {_megabytes(r.found)} MB; at most {_megabytes(r.most)} are read.",
    About.EMPTY: lambda r: f"{r.name} is empty. Expected a notebook; was the upload cut off?",
    About.WEB_PAGE: lambda r: (
        f"{r.name} is a web page, not a notebook. Was the page, perhaps a login page, saved instead of the file itself?"
    ),
    About.ZIP_ARCHIVE: lambda r: (
        f"{r.name} is a zip archive, not a notebook. Collect it under the name LAB--STUDENT.zip."
    ),
    About.TOO_MANY_PARTS: lambda r: (
        f"{r.name} has too many parts to be a notebook: about {_count(r.found)}, at most {_count(r.most)} are read."
    ),
    About.NO_JSON: _no_json,
    About.NESTED: lambda r: f"{r.name} is not a notebook: it is nested too deeply to be read.",
    About.NO_CELLS: lambda r: f"{r.name} is JSON, but not a notebook: it has no list of cells.",
    About.CELLS_UNREADABLE: lambda r: f"{r.name} is damaged: its cells cannot be read ({r.text}).",
    About.CELLS_DO_NOT_FIT: lambda r: (
        f"{r.name} is damaged: its cells cannot be put into the released notebook ({r.text})."
    ),
    About.NOT_RUN: lambda r: f"Not run: {', '.join(r.names)}.{f' {r.text}' if r.text else ''}",
    About.GRADER_FAILED: lambda r: plain(f"The grader itself failed on this submission ({r.name}: {r.text}).", 600),
    About.OTHER_RELEASE: lambda r: f"{r.name} says that it is of release {r.text}; graded against {r.expected}",
    About.NOT_OF_THE_LAB: _others,
    About.DOUBLE: lambda r: f"{r.name} is there more than once; the last one counts",
    About.CELL_MISSING: lambda r: f"{r.name} is missing; it was put back as released",
    About.LOCKED_CHANGED: lambda r: f"{r.name} is locked and was changed; the released text was used",
    About.LONG_CELL: lambda r: (
        f"{r.name or 'a cell'} is longer than {_count(r.most)} characters; the released text was used"
    ),
    About.POINTS_CHANGED: lambda r: f"{r.name}: its points were changed; the released ones count",
    About.MORE_CELLS: lambda r: f"more cells were added than are taken ({r.text}); the rest was left out",
    About.MORE_FILES: lambda r: f"brings more files than are taken ({r.text}); the rest was left out",
    About.FILE_NOT_TAKEN: lambda r: f"the file {r.name} could not be taken ({r.text})",
    About.CELL_RAISED: lambda r: plain(f"{r.name}, a locked cell, stopped with {r.text}", 300),
    About.CELL_OUT_OF_TIME: lambda r: plain(f"{r.name}: {r.text}", 300),
    About.CELL_ENDED_KERNEL: lambda r: plain(f"{r.name} ended the kernel: {r.text}", 300),
    About.NOT_IN_GRADEBOOK: lambda r: f"{r.name} of {r.text} is not in the gradebook, which holds another release",
}
