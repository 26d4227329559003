"""A progress bar in a notebook: few enough messages for clients that read them only when the cell has ended."""

from __future__ import annotations

import time

import rich.progress

from data_fetch import progress


def test_the_longer_it_takes_the_rarer_it_is_drawn_and_the_end_is_drawn(monkeypatch):
    clock, drawn = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(
        rich.progress.Progress, "refresh", lambda self: drawn.append(self.tasks[0].completed if self.tasks else 0)
    )
    with progress.bar("drawing", 10_000) as step:
        for _ in range(10_000):
            clock[0] += 1.0  # nearly three hours
            step()
    assert 100 < len(drawn) < 400  # each is two messages, of which a thousand are kept
    assert drawn[-1] == 10_000
