"""What a cell says of itself in nbgrader's metadata."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode


def is_locked(cell: NotebookNode) -> bool:
    """Whether the released text of a cell always counts (graded cells, read-only cells)."""
    meta = nbgrader_of(cell)
    return not meta.get("solution") and bool(meta.get("grade") or meta.get("locked"))


def is_graded(cell: NotebookNode) -> bool:
    """A code cell whose hidden check gives points."""
    meta = nbgrader_of(cell)
    return cell.cell_type == "code" and bool(meta.get("grade")) and not meta.get("solution")


def is_manual(cell: NotebookNode) -> bool:
    """An answer that a person marks."""
    meta = nbgrader_of(cell)
    return bool(meta.get("grade") and meta.get("solution")) or bool(meta.get("task"))


def points_in(cell: NotebookNode) -> float:
    """What a cell is worth."""
    return float(nbgrader_of(cell).get("points", 0) or 0)


def grade_id_of(cell: NotebookNode) -> str:
    """nbgrader's name of a cell, or ""."""
    return str(nbgrader_of(cell).get("grade_id") or "")


def nbgrader_of(cell: NotebookNode) -> dict[str, Any]:
    """nbgrader's metadata of a cell, empty where there are none."""
    meta = cell.get("metadata", {}).get("nbgrader", {})
    return meta if isinstance(meta, dict) else {}
