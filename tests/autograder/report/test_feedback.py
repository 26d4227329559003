"""Feedback pages: they say what was lost and why, and hold nothing of a hidden check, whatever a student wrote."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import nbformat
import pytest
from bs4 import BeautifulSoup
from graded_class import LAB, PLANTED, graded_class
from rich.console import Console

from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.report import feedback

pytestmark = pytest.mark.kernel

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Outline(HTMLParser):
    """Reads a page strictly: every element is closed where it should be; collects elements and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text, self.attributes = [], set(), [], set()
        self.feed(text)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def pages():
    marked = graded_class()
    paths = feedback.run(marked.course, "01", console=Console(quiet=True))
    return marked, {path.parents[1].name: path.read_text(encoding="utf-8") for path in paths}


def secret_lines(course):
    """Lines of the hidden checks that say something, without what students may see or wrote themselves."""
    public = {
        line.strip()
        for pattern in ("notebooks/*/*.ipynb", "submitted/*/*/*.ipynb")
        for path in course.root.glob(pattern)
        for line in re.split(r'\\n|\n|"', path.read_text(encoding="utf-8"))
    }
    lines = {
        line.strip()
        for path in (course.solutions / LAB / "hidden").glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    return {line for line in lines if len(line) > 14 and line not in public}


def test_every_student_has_a_page_with_each_property_points_and_reason(pages):
    marked, html = pages
    assert set(html) == set(marked.records)
    for student, record in marked.records.items():
        text = "".join(Outline(html[student]).text)
        for cell in record.cells:
            assert cell.statement in text
            assert cell.message in text
    assert "6 of 8 points" in html["perfect"] and "0 of 8 points" in html["blank"]
    assert "3 of 8 points" in html["dies"] and "ended the kernel" in html["dies"]
    assert "web page, not a notebook" in html["webpage"]


def test_no_line_and_no_input_of_a_hidden_check_is_in_a_page_or_an_autograded_notebook(pages):
    marked, html = pages
    texts = dict(html)
    for path in marked.course.autograded.rglob("*"):
        if path.is_file():
            texts[str(path.relative_to(marked.course.root))] = path.read_text(encoding="utf-8")
    lines = secret_lines(marked.course)
    assert len(lines) > 20
    for name, text in texts.items():
        assert PLANTED not in text, name
        plain = "".join(Outline(text).text) if text.startswith("<!DOCTYPE") else text.replace('\\"', '"')
        assert [line for line in lines if line in plain] == [], name
        assert "HIDDEN TESTS" not in text, name


def test_the_search_finds_what_it_looks_for(pages):
    marked, _ = pages
    built = (marked.course.solutions / LAB / f"{LAB}.ipynb").read_text(encoding="utf-8").replace('\\"', '"')
    lines = secret_lines(marked.course)
    assert PLANTED in built and len([line for line in lines if line in built]) > 0.8 * len(lines)


def test_what_a_student_prints_or_writes_stays_text(pages):
    soup = BeautifulSoup(pages[1]["leaky"], "html.parser")
    for cell in ("normalise-1", "heart_share-2", "what_enlarges", "what_enlarges-points"):
        assert soup.find(id=cell).parent.name == "section"  # nothing that was written before it swallowed it
    page = Outline(pages[1]["leaky"])
    assert page.elements.isdisjoint({"script", "iframe", "object", "embed", "form", "svg"})
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "alert(3)" in "".join(page.text) and "a < b" in "".join(page.text)


def test_hints_are_the_releases_own_and_stand_folded_where_something_was_lost(pages):
    _, html = pages
    assert "Hint 1" not in html["perfect"] and "<details" not in html["perfect"]
    soup = BeautifulSoup(html["mistaken"], "html.parser")
    assert [d.summary.text for d in soup.find_all("details")] == ["Hint 1: the idea", "Hint 2: the shape"] * 2
    assert not [d for d in soup.find_all("details") if d.has_attr("open")]
    assert soup.find(id="normalise-2").find_next_sibling("details").code is None  # the first: an idea in words
    assert "with any, then two positions" in soup.find(id="heart_share-2").parent.text.replace("`", "")
    assert soup.find("code", string="any")  # and markdown in a hint is markdown
    headings = [h.text for h in soup.find_all("h2")][1:3]
    assert headings == ["Exercise: normalise  (easy, 5 minutes)", "Exercise: heart_share  (medium, 10 minutes)"]
    kept = BeautifulSoup(html["leaky"], "html.parser")  # lost normalise only
    assert len(kept.find_all("details")) == 2


def test_a_hint_of_an_exercise_that_begins_inside_a_cell_is_found_and_a_students_is_not(tmp_path):
    course, record = graded_class().course, graded_class().records["mistaken"]
    copy = tmp_path / "course"
    shutil.copytree(course.root, copy, ignore=shutil.ignore_patterns(".autograder"))
    path = copy / "notebooks" / LAB / f"{LAB}.ipynb"
    nb = nbformat.read(path, as_version=4)
    cell = next(c for c in nb.cells if c.source.startswith("### Exercise: `normalise`"))
    cell.source = (
        "## A part\n\nText.\n\n" + cell.source + "\n\n## Later\n<details><summary>Hint 3</summary>no</details>"
    )
    cell.source = cell.source.replace("Where does", "<script>alert(1)</script>Where does")
    nbformat.write(nb, path)
    hints = feedback.hints_of(LabCourse(copy), record)
    assert [hint["title"] for hint in hints["normalise"]] == ["Hint 1: the idea", "Hint 2: the shape"]
    assert "<script" not in hints["normalise"][0]["html"] and len(hints["heart_share"]) == 2


def test_stock_nbgrader_still_makes_pages_of_our_notebooks_and_they_leak_nothing(pages, tmp_path):
    marked, _ = pages
    root = tmp_path / "stock"
    shutil.copytree(marked.course.root, root, ignore=shutil.ignore_patterns("feedback", "solutions", "scratch"))
    env = marked.course.environment()
    env["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env["PATH"]])
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", LAB, "--student", "mistaken"]
    subprocess.run(command, cwd=root, env=env, check=True, capture_output=True)
    text = (root / "feedback" / "mistaken" / LAB / f"{LAB}.html").read_text(encoding="utf-8")
    assert "a film must keep its shape" in text and "HIDDEN TESTS" not in text and PLANTED not in text


def test_marks_given_by_hand_are_shown_and_survive_a_second_writing(pages):
    from nbgrader.api import Gradebook

    marked, _ = pages
    record = marked.records["leaky"]
    assert [task.points for task in record.manual] == [None]  # something was written, so a person must read it
    with Gradebook(f"sqlite:///{marked.course.gradebook}", "medxai") as book:
        grade = book.find_grade("what_enlarges", LAB, LAB, "leaky")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.find_comment("what_enlarges", LAB, LAB, "leaky").manual_comment = "Good, and <b>which view</b>?"
        book.db.commit()
    try:
        [path] = feedback.write_pages(marked.course, record)
        text = "".join(Outline(path.read_text(encoding="utf-8")).text)
        assert "1.5 of 2" in text and "not marked yet" not in text and "which view" in text
    finally:
        with Gradebook(f"sqlite:///{marked.course.gradebook}", "medxai") as book:
            grade = book.find_grade("what_enlarges", LAB, LAB, "leaky")
            grade.manual_score, grade.needs_manual_grade = None, True
            book.db.commit()


def test_without_records_the_next_command_is_named(tmp_path):
    shutil.copytree(graded_class().course.solutions, tmp_path / "solutions")
    with pytest.raises(AutograderError, match="autograder grade 01"):
        feedback.run(LabCourse(tmp_path), "01", console=Console(quiet=True))
