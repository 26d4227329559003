"""A cell's nbgrader metadata."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode


def is_locked(cell: NotebookNode) -> bool:
    """Whether the released text of a cell always counts (graded cells, read-only cells)."""
    meta = nbgrader_of(cell)
    return not meta.get("solution") and bool(meta.get("grade") or meta.get("locked"))


def is_graded(cell: NotebookNode) -> bool:
    """Whether a code cell's hidden check gives points."""
    meta = nbgrader_of(cell)
    return cell.cell_type == "code" and bool(meta.get("grade")) and not meta.get("solution")


def is_manual(cell: NotebookNode) -> bool:
    """Whether a cell is a manually graded answer."""
    meta = nbgrader_of(cell)
    return bool(meta.get("grade") and meta.get("solution")) or bool(meta.get("task"))


def points_in(cell: NotebookNode) -> float:
    """The maximum points of a cell."""
    return float(nbgrader_of(cell).get("points", 0) or 0)


def grade_id_of(cell: NotebookNode) -> str:
    """A cell's nbgrader id, or ""."""
    return str(nbgrader_of(cell).get("grade_id") or "")


def nbgrader_of(cell: NotebookNode) -> dict[str, Any]:
    """A cell's nbgrader metadata, empty if it has none."""
    meta = cell.get("metadata", {}).get("nbgrader", {})
    return meta if isinstance(meta, dict) else {}
