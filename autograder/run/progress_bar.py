"""The progress bar of a grading: submissions done, by status, those running, and the time left."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.record.records import GRADED, Record


class Bar:
    """A context manager around rich's progress bar."""

    def __init__(self, console: Console, name: str, total: int):
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}", markup=False),
            console=console,
        )
        self.task = self.progress.add_task(f"Grading {name}", total=total, counts="", now="")
        self.counts: Counter[str] = Counter()
        self.running: list[str] = []

    def started(self, student: str) -> None:
        """Notes that a student's code has started."""
        self.running.append(student)
        self._show()

    def finished(self, record: Record) -> None:
        """Notes that a submission is finished."""
        if record.student in self.running:
            self.running.remove(record.student)
        self.counts[record.status] += 1
        self.progress.advance(self.task)
        self._show()

    def _show(self) -> None:
        words = [f"{number} {status}" for status, number in sorted(self.counts.items(), key=lambda c: c[0] != GRADED)]
        self.progress.update(self.task, counts=", ".join(words), now=", ".join(self.running[:4]))

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()
