"""Grade records: one small JSON file per submission, and the unit of resuming.

A record does not depend on the engine that made it. Status and score are separate: an ungraded cell has
`points` None, never 0, and so does every total that includes it.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.check.protocol.verdict import Finding
from autograder.errors import AutograderError
from autograder.remarks import Remark, all_said, said
from data_fetch.store.atomic import write_atomically

QUEUED, RUNNING, GRADED, FAILED, NEEDS_ATTENTION = STATUSES = (
    "queued",
    "running",
    "graded",
    "failed",
    "needs-attention",
)


@dataclass
class CellGrade:
    """One graded cell: one property of one exercise, all or nothing.

    `points` and `passed` are None if the cell could not be graded. `finding` holds the reason as data, None until graded;
    `message` is its wording for the student, which never contains an input or an expected value of a hidden check.
    `outside` is False if the verdict was reached inside the student's process, which is not tamper-proof. `seed` is the
    seed of the check's random inputs, None if it has none.
    """

    id: str
    exercise: str
    notebook: str
    statement: str
    max: float
    points: float | None = None
    passed: bool | None = None
    message: str = ""
    seconds: float | None = None
    outside: bool = True
    seed: int | None = None
    finding: Finding | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data; `from_json` reads it."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return values | {"finding": self.finding and self.finding.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CellGrade:
        """The inverse of `to_json`. ValueError, TypeError or AttributeError for other data."""
        finding = data.get("finding")
        return cls(**{**data, "finding": None if finding is None else Finding.from_json(finding)})


@dataclass
class ManualGrade:
    """One manually graded answer. `points` is 0 if it was left empty, else None until it is graded.

    `exercise` is its name in tables: the id, prefixed with the notebook if two notebooks use the same id.
    """

    id: str
    notebook: str
    max: float
    points: float | None = None
    exercise: str = ""

    def __post_init__(self) -> None:
        self.exercise = self.exercise or self.id


@dataclass
class Record:
    """The record of one student's submission to one lab.

    `attempt` counts the gradings of this submission; `submission` is the number of the hand-in and `handed_in`
    when it was packed, if `autograder collect` noted them. `unsafe` is True if the code ran without a sandbox.
    `resources` holds those known of `seconds` (wall clock), `cpu_seconds`, `peak_mb` (memory) and `kernels` (number
    started). `reasons` explain why the status is not "graded", `remarks` what needs manual review; `reason` and `flags`
    are their wording.
    """

    lab: str
    student: str
    status: str = QUEUED
    attempt: int = 0
    reason: str = ""
    release: str = ""
    digest: str = ""
    unsafe: bool = True
    retry: bool = False
    """The grader itself failed: running the same command again retries it."""
    started: str = ""
    finished: str = ""
    submission: int = 0
    handed_in: str = ""
    cells: list[CellGrade] = field(default_factory=list)
    manual: list[ManualGrade] = field(default_factory=list)
    resources: dict[str, float] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    reasons: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def begin(self) -> None:
        """Starts a new attempt: clears the reasons and remarks of the last one."""
        self.status, self.started, self.attempt, self.retry = RUNNING, now(), self.attempt + 1, False
        self.reason, self.flags, self.reasons, self.remarks = "", [], [], []

    def end(self, status: str, reasons: Sequence[Remark] = ()) -> None:
        """Sets the final status and the reasons for it."""
        self.status, self.reasons, self.reason = status, list(reasons), all_said(reasons)

    def note(self, remarks: Iterable[Remark]) -> None:
        """Adds remarks for manual review, each once."""
        for remark in remarks:
            if remark not in self.remarks:
                self.remarks.append(remark)
                self.flags.append(said(remark))

    @property
    def points(self) -> float | None:
        """The sum over the graded cells, or None if one of them was not graded."""
        return total([cell.points for cell in self.cells]) if self.cells else None

    @property
    def max(self) -> float:
        """The maximum points of the graded cells."""
        return sum(cell.max for cell in self.cells)

    @property
    def pending(self) -> float:
        """Points still to be graded manually, regardless of the gradebook."""
        return sum(task.max for task in self.manual if task.points is None)

    def exercises(self) -> dict[str, list[CellGrade]]:
        """The graded cells by exercise, in the order of the notebook."""
        grouped: dict[str, list[CellGrade]] = {}
        for cell in self.cells:
            grouped.setdefault(cell.exercise, []).append(cell)
        return grouped

    def to_json(self) -> str:
        """The record as indented JSON text."""
        values = dataclasses.asdict(self) | {"cells": [cell.to_json() for cell in self.cells]}
        values |= {name: [remark.to_json() for remark in getattr(self, name)] for name in ("reasons", "remarks")}
        return json.dumps(values, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The record that `to_json` wrote.

        Raises
        ------
        ValueError
            If the text is not a record (truncated, other JSON, an unknown status).
        """
        try:
            raw = json.loads(text)
            known = {f.name for f in dataclasses.fields(cls)}
            record = cls(**{k: v for k, v in raw.items() if k in known})
            record.cells = [CellGrade.from_json(cell) for cell in raw.get("cells", [])]
            record.manual = [ManualGrade(**task) for task in record.manual]  # type: ignore[arg-type]
            record.reasons = [Remark.from_json(remark) for remark in raw.get("reasons", [])]
            record.remarks = [Remark.from_json(remark) for remark in raw.get("remarks", [])]
        except (TypeError, AttributeError, KeyError) as e:
            raise ValueError(f"not a grade record: {e}") from e
        if record.status not in STATUSES:
            raise ValueError(f"not a grade record: status {record.status!r}, expected one of {', '.join(STATUSES)}")
        return record


class RecordStore:
    """The records of a course: `.autograder/records/LAB/STUDENT.json`.

    Parameters
    ----------
    state : Path
        The course's folder `.autograder`.
    """

    def __init__(self, state: Path):
        self.folder = Path(state) / "records"

    def path(self, lab: str, student: str) -> Path:
        """The path of a student's record of a lab, whether or not it exists."""
        return self.folder / lab / f"{student}.json"

    def load(self, lab: str, student: str) -> Record | None:
        """The record, or None if there is none.

        Raises
        ------
        AutograderError
            If the file is damaged: it is never overwritten silently.
        """
        path = self.path(lab, student)
        try:
            return Record.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as e:
            raise AutograderError(
                f"The record {path} cannot be read ({e}). Expected the JSON that `autograder grade` writes. "
                f"Move it away and grade again: autograder grade {lab} --student {student}"
            ) from e

    def save(self, record: Record) -> None:
        """Writes the record atomically: to a temporary file in the same folder, then by a rename."""
        path = self.path(record.lab, record.student)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, record.to_json(), mode=0o600)

    def all(self, lab: str) -> Iterator[Record]:
        """The records of a lab, by student."""
        for path in sorted((self.folder / lab).glob("*.json")):
            record = self.load(lab, path.stem)
            if record is not None:
                yield record


def total(points: list[float | None]) -> float | None:
    """The sum, or None if one of them is unknown: ungraded is never 0."""
    return None if any(p is None for p in points) else float(sum(p for p in points if p is not None))


def now() -> str:
    """The time as text, in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def shown(points: float | None) -> str:
    """Points as displayed: 2, 1.5, or a dash if ungraded."""
    return "-" if points is None else f"{points:g}"
