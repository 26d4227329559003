"""Tables that `grade` and `demo` show in the terminal. Texts of students and checks are shown as they are, never as markup."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.records import GRADED, Record, shown, total


def marks_table(records: list[Record], title: str) -> Table:
    """Students x exercises with marks, the answers for a person as a last column."""
    table = Table(title=title, title_justify="left")
    table.add_column("student", no_wrap=True)
    worth: dict[str, float] = {}
    for record in records:
        for key, cells in record.exercises().items():
            worth[key] = sum(cell.max for cell in cells)
    for key, points in worth.items():
        table.add_column(
            Text(f"{key}\n({points:g})" if points else f"{key}\n(bonus)"), justify="right", overflow="fold"
        )
    table.add_column("sum", justify="right")
    table.add_column("by hand", justify="right")
    table.add_column("status", no_wrap=True)
    for record in records:
        exercises = record.exercises()
        row = [Text(record.student)]
        for key in worth:
            cells = exercises.get(key, [])
            row.append(_mark(total([cell.points for cell in cells]) if cells else None, [c.passed for c in cells]))
        row.append(Text(f"{shown(record.points)} / {record.max:g}", style="bold"))
        row.append(Text(f"{record.pending:g} open" if record.pending and record.points is not None else "-"))
        row.append(Text(record.status, style="green" if record.status == GRADED else "yellow"))
        table.add_row(*row)
    return table


def show_reasons(console: Console, records: list[Record]) -> None:
    """For each student, why each mark was lost."""
    for record in records:
        lost = [cell for cell in record.cells if cell.passed is not True]
        console.print(Text(f"\n{record.student}: {shown(record.points)} of {record.max:g}", style="bold"))
        if record.reason:
            console.print(Text(f"  {record.status}: {record.reason}", style="yellow"))
        if not lost:
            console.print(Text("  lost nothing"))
        for cell in lost if any(c.passed is not None or c.message for c in record.cells) else []:
            price = f"-{cell.max:g}" if cell.passed is False else "not graded"
            console.print(Text.assemble((f"  {cell.id} ({price})", "cyan"), f"  {cell.statement}"), soft_wrap=True)
            console.print(Text(f"      {cell.message}"), soft_wrap=True)


def problems_table(console: Console, records: list[Record]) -> None:
    """The submissions that a person must look at, with the reason."""
    problems = [record for record in records if record.status != GRADED]
    graded = len(records) - len(problems)
    console.print(f"{graded} of {len(records)} submissions graded.", highlight=False)
    if not problems:
        return
    table = Table(title="These need a person; none of them counts as 0", title_justify="left")
    for column in ("student", "status", "why"):
        table.add_column(column, overflow="fold")
    for record in problems:
        table.add_row(Text(record.student), Text(record.status), Text(record.reason))
    console.print(table)


def _mark(points: float | None, passed: list[bool | None]) -> Text:
    if points is None:
        return Text("-", style="yellow")
    if all(passed):
        return Text(shown(points), style="green")
    return Text(shown(points), style="red" if points == 0 else "yellow")
