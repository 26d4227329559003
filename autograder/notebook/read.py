"""Reads submitted notebooks: turns bytes into a validated notebook, or reports what they are instead.

Nothing in them is trusted. `collect` needs a notebook's metadata, grading its cells; both read it here.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, converter, reader

from autograder.remarks import About, Remark, said
from medxai.lab.submit import MAX_NOTEBOOK

MOST_BYTES = MAX_NOTEBOOK  # the same limit as in `medxai submit`; a lab's notebook with its images has about a megabyte
MOST_PARTS = 500_000  # lists and objects in it; each takes a hundred times its size as text in memory
HEAD = 2_048  # bytes used to recognise a file that is not a notebook


class SubmissionError(Exception):
    """A submitted file cannot be collected or graded; the text gives the reason, for instructor and student."""


class Unreadable(SubmissionError):
    """A submitted file is not a readable notebook.

    Attributes
    ----------
    remark : Remark
        The reason; the exception's text is its wording.
    """

    def __init__(self, remark: Remark):
        self.remark = remark
        super().__init__(said(remark))


def bytes_of(path: Path) -> bytes:
    """The content of a submitted file.

    Raises
    ------
    Unreadable
        If it is a link, not a file, or larger than any notebook.
    """
    if path.is_symlink() or not path.is_file():
        raise Unreadable(Remark(About.NO_FILE, path.name))
    if (size := path.stat().st_size) > MOST_BYTES:
        raise Unreadable(Remark(About.TOO_LARGE, path.name, found=size, most=MOST_BYTES))
    return path.read_bytes()


def kind_of(data: bytes) -> About | None:
    """Recognises files handed in as notebooks by mistake: EMPTY, WEB_PAGE or ZIP_ARCHIVE, else None."""
    head = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return About.EMPTY
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")) or (head.startswith(b"<") and b"<html" in head):
        return About.WEB_PAGE
    return About.ZIP_ARCHIVE if head.startswith(b"pk") else None


def parse(data: bytes, name: str, texts: bool = True) -> dict[str, Any]:
    """The JSON of a notebook.

    Parameters
    ----------
    data : bytes
        At most `MOST_BYTES` bytes.
    name : str
        Its name in messages.
    texts : bool
        False: only ASCII is right in its texts. One emoji makes Python store every character of a text in four bytes; without
        decoding, what a notebook needs in memory is bounded by its size.

    Raises
    ------
    Unreadable
        If it is not a notebook; the message says what it is instead, if known.
    """
    if kind := kind_of(data):
        raise Unreadable(Remark(kind, name))
    if (parts := data.count(b"[") + data.count(b"{")) > MOST_PARTS:
        raise Unreadable(Remark(About.TOO_MANY_PARTS, name, found=parts, most=MOST_PARTS))
    try:
        raw = json.loads(data.decode("utf-8-sig") if texts else _undecoded(data))
    except (UnicodeDecodeError, ValueError) as e:
        line = e.lineno if isinstance(e, json.JSONDecodeError) else None
        raise Unreadable(Remark(About.NO_JSON, name, line=line)) from None
    except RecursionError:
        raise Unreadable(Remark(About.NESTED, name)) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells", raw.get("worksheets")), list):
        raise Unreadable(Remark(About.NO_CELLS, name))
    return raw


def _undecoded(data: bytes) -> str:
    """UTF-8 with a character for each byte; UnicodeDecodeError if it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    for start in range(0, len(data), 1 << 20):
        decoder.decode(data[start : start + (1 << 20)])
    decoder.decode(b"", final=True)
    return data.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def claims_of(notebook: Any) -> dict[str, str]:
    """The `lab`, `release` and `notebook` that a notebook claims in its course metadata, if any."""
    metadata = notebook.get("metadata")
    about = metadata.get("medxai") if isinstance(metadata, dict) else None
    return {key: str(value) for key, value in about.items()} if isinstance(about, dict) else {}


def read_submitted(path: Path) -> NotebookNode:
    """Reads one submitted notebook.

    Raises
    ------
    Unreadable
        If it is not a notebook; the message says what it is instead, if known.
    """
    raw = parse(bytes_of(path), path.name)
    try:
        # Not nbformat.reads, which validates: that takes minutes for many cells, and prints the student's text with its escape codes.
        major, minor = reader.get_version(raw)
        nb = converter.convert(nbformat.versions[major].to_notebook_json(raw, minor=minor), 4)
        for cell in nb.cells:
            source = "".join(cell.source) if isinstance(cell.source, list) else str(cell.source)
            cell.source = source.encode("utf-8", "replace").decode()  # lone surrogates cannot be encoded
            if not isinstance(cell.get("id"), str):
                cell.pop("id", None)
            cell.metadata = cell.metadata if isinstance(cell.get("metadata"), dict) else NotebookNode()
    except Exception as e:  # nbformat may raise anything on a damaged file
        raise Unreadable(Remark(About.CELLS_UNREADABLE, path.name, text=type(e).__name__)) from None
    return nb
