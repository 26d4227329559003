"""A progress bar on standard error, for what takes longer than a few seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(title: str, total: int, shown: bool = True) -> Iterator[Callable[[], None]]:
    """Give a function to call after each step. Drawn in terminals and notebooks; a log file gets one line."""
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # In a notebook every picture of it is two messages, and a reader that falls behind loses the last ones.
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
