"""Reads notebooks that somebody handed in: bytes become a checked notebook, or a sentence says what they are instead.

Nothing in them is trusted. `collect` needs what a notebook says of itself, grading needs its cells; both look at it here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, converter, reader

from medxai.lab.submit import MAX_NOTEBOOK

MOST_BYTES = (
    MAX_NOTEBOOK  # what `medxai submit` takes is what is read; a lab's notebook with its pictures has a megabyte
)
MOST_PARTS = 500_000  # lists and objects in it; each takes a hundred times its text in memory
HEAD = 2_048  # bytes from which is told what a file is that is no notebook


class SubmissionError(Exception):
    """A submitted file cannot be taken or graded; the text says why, in words for the instructor and the student."""


def bytes_of(path: Path) -> bytes:
    """The content of a submitted file.

    Raises
    ------
    SubmissionError
        If it is a link or no file, or larger than any notebook.
    """
    if path.is_symlink() or not path.is_file():
        raise SubmissionError(f"{path.name} is not a file.")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SubmissionError(f"{path.name} has {size / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} are read.")
    return path.read_bytes()


def kind_of(data: bytes) -> str:
    """What a file is that is handed in for a notebook by mistake: "empty", "a web page" or "a zip archive", else ""."""
    head = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "empty"
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")) or (head.startswith(b"<") and b"<html" in head):
        return "a web page"
    return "a zip archive" if head.startswith(b"pk") else ""


ADVICE = {
    "empty": "is empty. Expected a notebook; was the upload cut off?",
    "a web page": "is a web page, not a notebook. Was the page, perhaps a login page, saved instead of the file itself?",
    "a zip archive": "is a zip archive, not a notebook. Collect it under the name LAB--STUDENT.zip.",
}


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The JSON of a notebook.

    Parameters
    ----------
    data : bytes
        At most `MOST_BYTES` of them.
    name : str
        What messages call it.

    Raises
    ------
    SubmissionError
        If it is no notebook; the message says what it is instead, where that can be told.
    """
    if kind := kind_of(data):
        raise SubmissionError(f"{name} {ADVICE[kind]}")
    if (parts := data.count(b"[") + data.count(b"{")) > MOST_PARTS:
        raise SubmissionError(
            f"{name} has too many parts to be a notebook: about {parts:,}, at most {MOST_PARTS:,} are read."
        )
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as e:
        where = f" (line {e.lineno})" if isinstance(e, json.JSONDecodeError) else ""
        raise SubmissionError(
            f"{name} is not a notebook: it is not valid JSON{where}. Was the upload cut off?"
        ) from None
    except RecursionError:
        raise SubmissionError(f"{name} is not a notebook: it is nested too deeply to be read.") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells", raw.get("worksheets")), list):
        raise SubmissionError(f"{name} is JSON, but not a notebook: it has no list of cells.")
    return raw


def claims_of(notebook: Any) -> dict[str, str]:
    """What a notebook says of itself in its course's metadata: its `lab`, `release` and `notebook`, where it does."""
    metadata = notebook.get("metadata")
    about = metadata.get("medxai") if isinstance(metadata, dict) else None
    return {key: str(value) for key, value in about.items()} if isinstance(about, dict) else {}


def read_submitted(path: Path) -> NotebookNode:
    """Reads one submitted notebook.

    Raises
    ------
    SubmissionError
        If it is no notebook; the message says what it is instead, where that can be told.
    """
    raw = parse(bytes_of(path), path.name)
    try:
        # Not nbformat.reads, which validates: that takes minutes for many cells, and prints the student's text, colours and all.
        major, minor = reader.get_version(raw)
        nb = converter.convert(nbformat.versions[major].to_notebook_json(raw, minor=minor), 4)
        for cell in nb.cells:
            source = "".join(cell.source) if isinstance(cell.source, list) else str(cell.source)
            cell.source = source.encode("utf-8", "replace").decode()  # halves of characters cannot be written anywhere
            if not isinstance(cell.get("id"), str):
                cell.pop("id", None)
            cell.metadata = cell.metadata if isinstance(cell.get("metadata"), dict) else NotebookNode()
    except Exception as e:  # nbformat raises whatever the damage leads to
        raise SubmissionError(f"{path.name} is damaged: its cells cannot be read ({type(e).__name__}).") from None
    return nb
