"""The notebook that formgrader shows, opened in Chromium in Jupyter's own origin: nothing that a student wrote runs or is sent."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import nbformat
import pytest
from graded_class import LAB, answers, new_course, submit
from hostile_pages import PIXEL, attacks
from rich.console import Console
from stock import formgrader

from autograder.author.lab_source import load_lab
from autograder.notebook.cells import grade_id_of
from autograder.run import grade

pytestmark = [pytest.mark.kernel, pytest.mark.render]

SHOWN = "**bold** $x^2$ [film](https://example.org) `list<int>`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![pasted](attachment:image.png)"


@pytest.fixture(scope="module")
def course(tmp_path_factory, listener):
    """A graded submission that attacks whoever opens it, in each cell that a student can write."""
    _, address, _ = listener
    course = new_course(tmp_path_factory.mktemp("formgrader") / "course")
    texts = attacks(address)

    def edit(nb):
        answers(load_lab(course.find("01")))(nb)
        words = next(cell for cell in nb.cells if grade_id_of(cell) == "what_enlarges")
        words.source = SHOWN + "\n\n" + "\n\n".join(texts)
        words.attachments = {"image.png": {"image/png": PIXEL}, "x.svg": {"image/svg+xml": texts[6]}}
        for text in [
            *texts,
            "![x](attachment:x.svg)\n\n![y](attachment:missing.png)\n\n[r]: javascript:alert(1)\n\n[go][r]",
        ]:
            nb.cells.append(nbformat.v4.new_markdown_cell(text, metadata={"trusted": True}))
            nb.cells.append(nbformat.v4.new_code_cell("1", outputs=[
                nbformat.v4.new_output("display_data", data={kind: text for kind in ("text/html", "text/markdown", "image/svg+xml")}),
            ]))  # fmt: skip

    submit(course, "mallory", edit)
    [record] = grade.run(course, "01", console=Console(quiet=True))
    assert record.points == 6
    return course


def test_nothing_runs_in_formgrader_and_what_may_be_shown_is_shown(course, listener, browser):
    _, address, asked = listener
    asked.clear()
    with formgrader(course.root) as get:
        [notebook] = json.loads(get(f"api/submitted_notebooks/{LAB}/{LAB}"))
        context = browser.new_context(extra_http_headers={"Authorization": f"token {get.token}"})
        page = context.new_page()
        dialogs = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(f"{get.address}submissions/{notebook['id']}/?index=0", wait_until="load")
        page.wait_for_selector("text=bold")
        for link in page.query_selector_all("a"):  # everything that can be clicked
            assert urlsplit(link.get_attribute("href") or "").scheme in ("", "http", "https", "mailto", "attachment")
        assert page.evaluate("window.hostile") is None and dialogs == [] and asked == []
        for selector in (
            "main script",
            "iframe[srcdoc]",
            "object",
            "embed",
            "form[action]",
            "svg[onload]",
            "[onerror]",
            "[ontoggle]",
        ):
            written = [e for e in page.query_selector_all(selector) if address in e.evaluate("e => e.outerHTML")]
            assert written == [], selector
        answer = page.inner_html("body")
        assert "<strong>bold</strong>" in answer and "<td>1</td>" in answer and 'href="https://example.org"' in answer
        assert f"data:image/png;base64,{PIXEL}" in answer
        context.close()
