"""Tables that `grade` and `demo` show in the terminal. Texts from students and checks are shown literally, never as markup."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from autograder.check.protocol.verdict import Finding
from autograder.plain_text import count
from autograder.record.gradebook import standing
from autograder.record.records import GRADED, CellGrade, Record, shown, total


def show_marks(console: Console, records: list[Record], title: str) -> None:
    """Marks by student and exercise; if the exercise names do not fit, they are replaced with numbers and a legend."""
    worth: dict[str, float] = {}
    for record in records:
        for key, cells in record.exercises().items():
            worth[key] = sum(cell.max for cell in cells)
    named = {key: f"{key} ({points:g})" if points else f"{key} (bonus)" for key, points in worth.items()}
    table = _marks_table(records, title, named)
    if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width:
        console.print(table)
        return
    numbered = {key: str(number) for number, key in enumerate(worth, 1)}
    console.print(_marks_table(records, title, numbered))
    for key in worth:
        console.print(Text(f"  {numbered[key]:>2}  {named[key]}"))


def _marks_table(records: list[Record], title: str, heads: dict[str, str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("student", no_wrap=True)
    for head in heads.values():
        table.add_column(Text(head), justify="right", no_wrap=True)
    table.add_column("sum", no_wrap=True)
    uneven = any(record.status != GRADED for record in records)
    if uneven:
        table.add_column("status", no_wrap=True)
    for record in records:
        exercises = record.exercises()
        row = [Text(record.student)]
        row += [_mark(exercises.get(key, [])) for key in heads]
        row.append(Text(str(standing(record, {})), style="bold"))
        if uneven:
            row.append(Text(record.status, style="green" if record.status == GRADED else "yellow"))
        table.add_row(*row)
    return table


def show_reasons(console: Console, records: list[Record]) -> None:
    """For each student, why points were lost; cells of an exercise lost for the same reason are grouped."""
    for record in records:
        console.print(Text(f"\n{record.student}: {standing(record, {})}", style="bold"))
        if record.reason:
            console.print(Text(f"  {record.status}: {record.reason}", style="yellow"), soft_wrap=True)
        if all(cell.passed for cell in record.cells):
            console.print(Text("  lost nothing"))
        if not any(cell.passed is not None for cell in record.cells):
            continue
        for cells in record.exercises().values():
            reasons: dict[tuple[Finding | None, bool], list[CellGrade]] = {}
            for cell in cells:
                if cell.passed is not True:
                    reasons.setdefault((cell.finding, cell.passed is False), []).append(cell)
            for (_, judged), lost in reasons.items():
                most = sum(cell.max for cell in lost)
                price = ("bonus" if not most else f"-{most:g}") if judged else "not graded"
                what = "; ".join(cell.statement for cell in lost) if len(lost) == 1 else ""
                names = ", ".join(cell.id for cell in lost)
                console.print(Text.assemble((f"  {names} ({price})", "cyan"), f"  {what}"), soft_wrap=True)
                console.print(Text(f"      {lost[0].message}"), soft_wrap=True)


def problems_table(console: Console, records: list[Record]) -> None:
    """The submissions that need manual review, with the reason."""
    problems = [record for record in records if record.status != GRADED]
    graded, flagged = len(records) - len(problems), sum(bool(record.flags) for record in records)
    flags = f" {flagged} with flags, listed in the class report." if flagged else ""
    console.print(f"{graded} of {count(len(records), 'submission')} graded.{flags}", highlight=False)
    if not problems:
        return
    table = Table(title="These need manual review; none of them counts as 0", title_justify="left")
    for column in ("student", "status", "why"):
        table.add_column(column, overflow="fold")
    for record in problems:
        table.add_row(Text(record.student), Text(record.status), Text(record.reason))
    console.print(table)


def _mark(cells: list[CellGrade]) -> Text:
    points = total([cell.points for cell in cells]) if cells else None
    if points is None:
        return Text("-", style="yellow")
    right = all(cell.passed for cell in cells)
    if not sum(cell.max for cell in cells):  # a bonus exercise
        return Text("yes" if right else "no", style="green" if right else "dim")
    return Text(shown(points), style="green" if right else "red" if points == 0 else "yellow")
