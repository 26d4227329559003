"""Reads notebooks that somebody handed in: bytes become a checked notebook, or an error says what they are instead.

Nothing in them is trusted. `collect` needs what a notebook says of itself, grading needs its cells; both look at it here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, converter, reader

from autograder.remarks import About, Remark, said
from medxai.lab.submit import MAX_NOTEBOOK

MOST_BYTES = (
    MAX_NOTEBOOK  # what `medxai submit` takes is what is read; a lab's notebook with its pictures has a megabyte
)
MOST_PARTS = 500_000  # lists and objects in it; each takes a hundred times its text in memory
HEAD = 2_048  # bytes from which is told what a file is that is no notebook


class SubmissionError(Exception):
    """A submitted file cannot be taken or graded; the text says why, in words for the instructor and the student."""


class Unreadable(SubmissionError):
    """A submitted file is no notebook that can be read.

    Attributes
    ----------
    remark : Remark
        Why not; the text has the words for it.
    """

    def __init__(self, remark: Remark):
        self.remark = remark
        super().__init__(said(remark))


def bytes_of(path: Path) -> bytes:
    """The content of a submitted file.

    Raises
    ------
    Unreadable
        If it is a link or no file, or larger than any notebook.
    """
    if path.is_symlink() or not path.is_file():
        raise Unreadable(Remark(About.NO_FILE, path.name))
    if (size := path.stat().st_size) > MOST_BYTES:
        raise Unreadable(Remark(About.TOO_LARGE, path.name, found=size, most=MOST_BYTES))
    return path.read_bytes()


def kind_of(data: bytes) -> About | None:
    """What a file is that is handed in for a notebook by mistake: EMPTY, WEB_PAGE or ZIP_ARCHIVE, else None."""
    head = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return About.EMPTY
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")) or (head.startswith(b"<") and b"<html" in head):
        return About.WEB_PAGE
    return About.ZIP_ARCHIVE if head.startswith(b"pk") else None


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
    Unreadable
        If it is no notebook; the message says what it is instead, where that can be told.
    """
    if kind := kind_of(data):
        raise Unreadable(Remark(kind, name))
    if (parts := data.count(b"[") + data.count(b"{")) > MOST_PARTS:
        raise Unreadable(Remark(About.TOO_MANY_PARTS, name, found=parts, most=MOST_PARTS))
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as e:
        line = e.lineno if isinstance(e, json.JSONDecodeError) else None
        raise Unreadable(Remark(About.NO_JSON, name, line=line)) from None
    except RecursionError:
        raise Unreadable(Remark(About.NESTED, name)) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells", raw.get("worksheets")), list):
        raise Unreadable(Remark(About.NO_CELLS, name))
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
    Unreadable
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
        raise Unreadable(Remark(About.CELLS_UNREADABLE, path.name, text=type(e).__name__)) from None
    return nb
