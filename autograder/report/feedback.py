"""`autograder feedback`: a page for each graded notebook: each property, its points and the likely mistake, next to the answer.

Pages are made from the autograded notebooks, which contain the released text and our messages but no hidden checks, so
nothing can leak. Whatever a student wrote or printed is shown as text, and the page cannot load or run anything.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from rich.console import Console
from rich.progress import track

from autograder.course.course import Course, make_private
from autograder.course.markers import HEADING
from autograder.errors import AutograderError
from autograder.notebook.cells import grade_id_of, is_graded, is_manual
from autograder.notebook.inert import pictures
from autograder.plain_text import plain
from autograder.record import gradebook, sentences
from autograder.record.gradebook import Comments, Marks, points_of, standing
from autograder.record.records import GRADED, NEEDS_ATTENTION, QUEUED, RUNNING, Record, RecordStore, shown
from autograder.report.pages import render
from autograder.report.rendering import FORMAT, Renderer
from data_fetch.store.atomic import fresh_folder

RENDERER = Renderer()
HINT = re.compile(r"<details>\s*<summary>(Hint[^<]*)</summary>(.*?)</details>", re.DOTALL)


def run(course: Course, lab: str, console: Console | None = None) -> list[Path]:
    """Writes the feedback pages of a lab; a failed submission gets a page that says why.

    Parameters
    ----------
    course : Course
    lab : str
        Number, topic or folder name.

    Returns
    -------
    list of Path
        The pages, `feedback/STUDENT/LAB/NOTEBOOK.html`.

    Raises
    ------
    AutograderError
        If nothing of the lab has been graded.
    """
    console = console or Console()
    name = course.find(lab).name
    records = records_of(course, name)
    marks, comments = gradebook.marks(course, name), gradebook.comments(course, name)
    pages: list[Path] = []
    unfinished = [record.student for record in records if record.status in (QUEUED, RUNNING)]
    done = [record for record in records if record.student not in unfinished]
    failed: list[AutograderError] = []
    for record in track(done, f"Writing feedback on {name}", console=console, disable=len(done) < 3):
        try:
            pages += write_pages(course, record, marks, comments)
        except (AutograderError, OSError) as e:  # one failed page does not prevent the others
            failed.append(e if isinstance(e, AutograderError) else AutograderError(f"{record.student}: {e}"))
        except Exception as e:
            failed.append(
                AutograderError(f"{record.student}: no page could be made ({type(e).__name__}: {plain(str(e), 200)}).")
            )
    RENDERER.close()
    console.print(f"{len(pages)} feedback pages in {course.feedback}/STUDENT/{name}/", highlight=False, soft_wrap=True)
    if unfinished:
        console.print(
            f"Not graded yet, no page: {', '.join(unfinished)}. Run: autograder grade {course.typed(name)}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if failed:
        raise AutograderError("\n".join(map(str, failed)))
    return pages


def records_of(course: Course, lab: str) -> list[Record]:
    """The records of a lab, by student.

    Raises
    ------
    AutograderError
        If there are none, or one is damaged.
    """
    records = list(RecordStore(course.state).all(lab))
    if not records:
        raise AutograderError(
            f"No submission to {lab} has been graded: there are no records in {course.state / 'records' / lab}. "
            f"Run: autograder grade {course.typed(lab)}"
        )
    return records


def write_pages(
    course: Course, record: Record, marks: Marks | None = None, comments: Comments | None = None
) -> list[Path]:
    """Writes all pages of one student, or none: they are built next to the old ones, then replace them.

    Raises
    ------
    AutograderError
        If an autograded notebook cannot be read.
    """
    marks = gradebook.marks(course, record.lab) if marks is None else marks
    comments = gradebook.comments(course, record.lab) if comments is None else comments
    graded = course.autograded / record.student / record.lab
    made = {}
    if record.status in (GRADED, NEEDS_ATTENTION) and graded.is_dir():
        hints = hints_of(course, record)
        for path in sorted(graded.glob("*.ipynb")):
            made[path.stem] = page(record, marks, path.stem, _cells(course, record, path), hints, comments)
    else:
        made["summary"] = page(record, marks, "", [])
    target = course.feedback / record.student / record.lab
    if course.closed:
        make_private(course.feedback)
    with fresh_folder(target, replace=True) as fresh:
        for stem, facts in made.items():
            (fresh / f"{stem}.html").write_text(render("feedback.html.j2", {"page": facts}), encoding="utf-8")
    return sorted(target.glob("*.html"))


def _cells(course: Course, record: Record, path: Path) -> list[NotebookNode]:
    try:
        return nbformat.read(path, as_version=4).cells
    except Exception as e:  # nbformat may raise anything on a damaged file
        raise AutograderError(
            f"Cannot write the feedback for {record.student} on {record.lab}: cannot read {path} ({type(e).__name__}). "
            f"To grade it again: autograder grade {course.typed(record.lab)} --student {record.student}"
        ) from e


def page(
    record: Record,
    marks: Marks,
    stem: str,
    cells: list[NotebookNode],
    hints: dict[str, list[dict[str, str]]] | None = None,
    comments: Comments | None = None,
) -> dict[str, Any]:
    """The contents of a page, ready for the template.

    Parameters
    ----------
    record : Record
    marks : dict
        From the gradebook, with manual grades.
    stem : str
        The notebook; the summary covers the whole lab.
    cells : list
        The autograded notebook's cells.
    hints : dict, optional
        By exercise, from `hints_of`; shown where points were lost.
    comments : dict, optional
        Comments on answers, from the gradebook.
    """
    rows = []
    for cell in record.cells:
        points = points_of(record, cell, marks)
        state = "passed" if cell.passed else "open" if cell.passed is None else "lost"
        rows.append(
            {
                "id": cell.id,
                "notebook": cell.notebook,
                "href": f"{'' if cell.notebook == stem else cell.notebook + '.html'}#{cell.id}" if stem else "",
                "exercise": cell.exercise,
                "statement": cell.statement,
                "points": _of(points, cell.max),
                "message": sentences.comment(cell),
                "state": state,
            }
        )
    for task in record.manual:
        points = points_of(record, task, marks)
        pending = points is None
        rows.append(
            {
                "id": task.id,
                "notebook": task.notebook,
                "href": f"{'' if task.notebook == stem else task.notebook + '.html'}#{task.id}" if stem else "",
                "exercise": task.exercise,
                "statement": "Your answer",
                "points": "not marked yet" if pending else _of(points, task.max),
                "message": sentences.comment_on_answer(task, points),
                "state": "open" if pending else "lost" if task.points == 0 else "passed",
            }
        )
    said = {id: text for (who, nb, id), text in (comments or {}).items() if (who, nb) == (record.student, stem)}
    stands = standing(record, marks)
    sentence = f"{shown(stands.points)} of {stands.max:g} points" if stands.points is not None else "Not graded yet"
    if stands.by_hand and stands.points is not None:
        sentence += f", {stands.by_hand:g} still to be graded manually"
    return {
        "lab": record.lab,
        "student": record.student,
        "release": record.release,
        "notebook": stem,
        "total": sentence,
        "notes": [f"This submission needs manual review: {record.reason}"] if record.status != GRADED else [],
        "rows": rows,
        "blocks": _blocks(cells, {row["id"]: row for row in rows if row["notebook"] == stem}, hints or {}, said),
        "style": FORMAT.get_style_defs(".highlight"),
    }


def hints_of(course: Course, record: Record) -> dict[str, list[dict[str, str]]]:
    """The collapsed hints of each exercise (`title` and sanitised `html`), from the release that the student had.

    They are read from the instructor's copy, not the student's, which may contain anything.
    """
    found = {}
    for path in sorted(course.kept_release(record.lab, record.release).glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for section in re.split(r"(?m)^(?=#+ )", cell.source if cell.cell_type == "markdown" else ""):
                if heading := HEADING.match(section):
                    found[heading["key"]] = [
                        {"title": title, "html": RENDERER.markdown(text.strip())}
                        for title, text in HINT.findall(section)
                    ]
    return found


def _blocks(
    cells: list[NotebookNode],
    rows: dict[str, dict[str, Any]],
    hints: dict[str, list[dict[str, str]]],
    comments: dict[str, str],
) -> list[dict[str, Any]]:
    """The exercise headings, and the answers with their outputs and verdicts; the lab's own text is left out."""
    blocks: list[dict[str, Any]] = []
    last = {row["exercise"]: row["id"] for row in rows.values()}
    lost = {row["exercise"] for row in rows.values() if row["state"] == "lost"}
    for cell in cells:
        grade_id = grade_id_of(cell)
        comment = comments.get(grade_id, "")
        added = str(cell.get("id", "")).startswith("added-")
        if is_graded(cell) and grade_id in rows:
            blocks.append({"kind": "verdict", **rows[grade_id]})
            exercise = rows[grade_id]["exercise"]
            if exercise in lost and last[exercise] == grade_id:
                blocks += [{"kind": "hint", **hint} for hint in hints.get(exercise, [])]
        elif is_manual(cell):
            blocks.append({"kind": "answer", "id": grade_id, "html": RENDERER.markdown(cell.source)})
            blocks += _pasted(cell)
            if grade_id in rows:
                blocks.append({"kind": "verdict", **rows[grade_id], "id": f"{grade_id}-points"})
        elif cell.cell_type == "code" and (grade_id or added or "check" in cell.metadata.get("tags", [])):
            blocks.append({"kind": "code", "code": RENDERER.python(cell.source)})
            blocks += [block for output in cell.outputs if (block := _output(output))]
        elif cell.cell_type == "markdown" and (heading := re.search(r"(?m)^### (Exercise.*)$", cell.source)):
            blocks.append({"kind": "heading", "text": heading[1].strip().replace("`", "")})
        elif added:
            blocks.append({"kind": "answer", "id": cell.id, "html": RENDERER.markdown(cell.source)})
            blocks += _pasted(cell)
        if comment:
            blocks.append({"kind": "comment", "html": RENDERER.markdown(comment)})
    return blocks


def _pasted(cell: NotebookNode) -> list[dict[str, Any]]:
    """The pictures that a student pasted into an answer."""
    return [
        {"kind": "picture", "type": kind, "data": data, "alt": f"A picture that you pasted: {name}"}
        for name, kinds in pictures(cell.get("attachments")).items()
        for kind, data in kinds.items()
    ]


def _output(output: NotebookNode) -> dict[str, Any] | None:
    if output.output_type == "stream":
        return {"kind": "text", "text": output.text}
    for kind in ("image/png", "image/jpeg"):
        if kind in output.get("data", {}):
            alt = output.metadata.get(kind, {}).get("alt", "A figure from your notebook, without a description.")
            return {"kind": "picture", "type": kind, "data": output.data[kind].strip(), "alt": alt}
    text = output.get("data", {}).get("text/plain")
    return {"kind": "text", "text": text} if text else None


def _of(points: float | None, most: float) -> str:
    if points is None:
        return "not graded"
    return f"{shown(points)} of {most:g}" if most else "bonus"
