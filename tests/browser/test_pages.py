"""Pages made of what a student wrote, opened in Chromium: nothing of it runs, loads or leads away, and all of it is text.

The pages are made from records and notebooks that are written here, whatever engine graded them: a feedback page and the
report on the class.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from graded_class import LAB, new_course
from hostile_pages import PIXEL, SCRIPT, attacks
from rich.console import Console

from autograder.notebook.cells import grade_id_of, is_graded, is_manual
from autograder.record import gradebook
from autograder.record.records import FAILED, GRADED, CellGrade, ManualGrade, Record, RecordStore
from autograder.report import class_report, feedback

pytestmark = pytest.mark.render

STUDENT = 'ada"><img src=x onerror=hostile()><svg onload=hostile()>'
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
DANGEROUS = ("script", "iframe", "object", "embed", "form", "input", "button", "svg", "rect", "line", "desc", "math", "video",
             "audio", "link", "base", "img", "image", "a", "frame", "portal", "template", "foreignObject")  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory, listener):
    """The feedback pages and the report, by name, and the attacks in them."""
    folder, address, _ = listener
    course = new_course(tmp_path_factory.mktemp("hostile") / "course")
    texts = attacks(address)
    everything = "\n".join(texts)
    nb = nbformat.read(course.notebooks / LAB / f"{LAB}.ipynb", as_version=4)
    record = Record(LAB, STUDENT, GRADED, release="01-r1", flags=[*texts, f"not graded: {texts[0]}.ipynb"])
    record.reason = everything
    graded = [cell for cell in nb.cells if is_graded(cell)]
    for cell, text in zip(graded, texts, strict=False):
        key = grade_id_of(cell)
        exercise = key.rsplit("-", 1)[0]
        record.cells.append(CellGrade(key, exercise, LAB, f"A property. {text}", 1.0, 0.0, False, everything))
    for cell in nb.cells:
        if is_manual(cell):
            record.manual.append(ManualGrade(grade_id_of(cell), LAB, 2.0))
            cell.source = "\n\n".join(texts)
        elif cell.cell_type == "code" and not is_graded(cell):
            cell.source = f'"""\n{everything}\n"""'
            cell.outputs = outputs(everything)
        elif cell.cell_type == "markdown":
            cell.source += f"\n\n{everything}"
            heading = next((line for line in cell.source.split("\n") if line.startswith("### Exercise")), None)
            if heading:
                cell.source = cell.source.replace(heading, f"{heading} {texts[0]} {texts[3]}")
    added = nbformat.v4.new_markdown_cell("\n\n".join(texts), id="added-0")
    nb.cells[:0] = [added, nbformat.v4.new_code_cell(everything, id="added-1", outputs=outputs(everything))]
    target = course.autograded / STUDENT / LAB
    target.mkdir(parents=True)
    nbformat.write(nb, target / f"{LAB}.ipynb")
    with gradebook.Writer(course, record.lab) as book:
        book.write(record)
    comment_on(course, record.manual[0].id, texts)
    failed = Record(LAB, "bo", FAILED, reason=everything, flags=texts, cells=record.cells)
    for one in (record, failed):
        RecordStore(course.state).save(one)
    made = feedback.run(course, "01", console=Console(quiet=True))
    made = dict(zip(("failed", "feedback"), sorted(made, key=lambda path: path.name != "summary.html"), strict=True))
    for number, text in enumerate(texts):  # classmates, for the report: it cuts long lists and long texts
        cells = [CellGrade("normalise-1", "normalise", LAB, text, 1.0, 0.0, False, text, outside=False)]
        classmate = Record(
            LAB, f"c{number}' onclick={SCRIPT} {text[:9].replace('/', '')}", GRADED, flags=[text], cells=cells
        )
        RecordStore(course.state).save(classmate)
    made["report"] = class_report.run(course, "01", Console(quiet=True))
    for name, path in made.items():
        made[name] = Path(shutil.copyfile(path, folder / f"{name}.html"))
    return made, texts


def outputs(text: str) -> list:
    """Outputs of every kind, as a student's notebook may hold them."""
    new = nbformat.v4.new_output
    rich = {
        kind: text for kind in ("text/html", "text/markdown", "text/latex", "image/svg+xml", "application/javascript")
    }
    picture = {"image/png": PIXEL, "text/plain": text}
    return [
        new("stream", name="stdout", text=text),
        new("stream", name="stderr", text=text),
        new("error", ename=f"<script>{SCRIPT}</script>", evalue=text, traceback=[text]),
        new("display_data", data=rich | {"text/plain": text}),
        new("display_data", data=picture, metadata={"image/png": {"alt": f'"><img src=x onerror={SCRIPT}>{text}'}}),
        new("display_data", data={"image/png": f'{PIXEL}" onerror="{SCRIPT}', "text/plain": text}),
    ]


def comment_on(course, task: str, texts: list[str]) -> None:
    """A person's comment in formgrader quotes the student."""
    with gradebook.opened(course) as book:
        book.find_comment(task, LAB, LAB, STUDENT).manual_comment = "\n\n".join(texts)
        book.db.commit()


def visit(browser, address: str, bypass_csp: bool = False) -> dict:
    """Opens a page, unfolds and clicks what there is, and tells what happened."""
    seen: dict = {"dialogs": [], "errors": [], "requests": [], "pages": 0}
    context = browser.new_context(bypass_csp=bypass_csp)
    page = context.new_page()
    page.goto(f"{address.rsplit('/', 1)[0]}/blank.html")
    plain = set(page.evaluate("() => Object.getOwnPropertyNames(window)"))

    def dismiss(dialog):
        seen["dialogs"].append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("console", lambda message: seen["errors"].append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: seen["requests"].append(request.url))
    page.goto(address, wait_until="load")
    for _ in range(2):  # the folded parts too
        page.wait_for_timeout(400)
        for fold in page.query_selector_all("details:not([open]) > summary"):
            fold.click()
    for link in page.query_selector_all("main a"):
        if (link.get_attribute("href") or "#").startswith("#"):
            link.click(force=True)
    page.wait_for_timeout(400)
    seen["address"] = page.url.split("#")[0]
    seen["globals"] = set(page.evaluate("() => Object.getOwnPropertyNames(window)")) - plain
    seen["clobbered"] = page.evaluate("() => typeof window.hostile")
    seen["elements"] = set(page.evaluate("() => [...document.querySelectorAll('*')].map(e => e.localName)"))
    seen["links"] = page.evaluate("() => [...document.querySelectorAll('a[href]')].map(e => e.href)")
    seen["policy"] = page.evaluate("() => [...document.querySelectorAll('meta[http-equiv]')].map(e => e.content)")
    seen["text"] = page.evaluate("() => document.body.textContent")
    seen["handlers"] = page.evaluate(
        "() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).map(a => a.name)"
        ".filter(name => name.startsWith('on') || name === 'style' || name === 'srcdoc')"
    )
    seen["pages"] = len(context.pages)
    context.close()
    return seen


@pytest.mark.parametrize("where", ["from a file", "from a server, the policy ignored"])
@pytest.mark.parametrize("name", ["feedback", "failed", "report"])
def test_nothing_that_a_student_wrote_runs_or_loads_and_all_of_it_is_text(browser, listener, pages, name, where):
    _, address, asked = listener
    made, texts = pages
    asked.clear()
    served = where != "from a file"
    url = f"{address}/{name}.html" if served else made[name].as_uri()
    seen = visit(browser, url, bypass_csp=served)  # what is escaped does not need the policy
    assert (seen["dialogs"], seen["globals"], seen["clobbered"], seen["handlers"]) == ([], set(), "undefined", [])
    assert asked == []
    assert [r for r in seen["requests"] if not r.startswith(("data:image/png;base64,", url))] == []
    broken = "Failed to load resource: net::ERR_INVALID_URL"  # the picture whose data are none
    assert [e for e in seen["errors"] if "Content Security Policy" not in e and e != broken] == []
    assert (seen["address"], seen["pages"]) == (url, 1)
    allowed = {"svg", "rect", "line", "desc"} if name == "report" else {"img", "a"}
    assert seen["elements"] & {*DANGEROUS} <= allowed
    assert all(link.startswith(("http://", "https://", "mailto:", f"{url}#")) for link in seen["links"])
    assert seen["policy"] == [POLICY]
    shown = "".join(seen["text"].split())
    for text in texts:
        word = max(
            text.split("\x1b")[-1].split(), key=len
        )  # a page may take out colours and directions, and break lines
        assert word[:60] in shown, f"{text!r} is not shown"


def test_the_traps_close_where_nothing_is_escaped(browser, listener):
    """The same texts as a page of their own: they do run, so the test above can fail."""
    folder, address, asked = listener
    asked.clear()
    (folder / "raw.html").write_text("\n".join(t for t in attacks(address) if "refresh" not in t), encoding="utf-8")
    seen = visit(browser, f"{address}/raw.html")
    assert seen["dialogs"] and seen["clobbered"] == "number" and "hostile" in seen["globals"]
    assert {"/fetch", "/img", "/css", "/svg", "/frame", "/link"} <= set(asked)
