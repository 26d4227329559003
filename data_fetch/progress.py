"""A progress bar on standard error, for tasks that take more than a few seconds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(title: str, total: int, shown: bool = True) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each step. The bar is drawn in terminals and notebooks; a log file gets one line."""
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    begun = due = time.monotonic()

    def step() -> None:
        nonlocal due
        progress.advance(task)
        now = time.monotonic()
        if now >= due:
            progress.refresh()
            # In a notebook each refresh is two messages, and a client that reads them only after the cell has ended loses
            # the last ones after a thousand. Refreshes therefore become rarer over time: about 350 in three hours.
            due = now + max(0.5, (now - begun) / 50)

    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task(title, total=total)
        yield step
        progress.refresh()
