"""Collecting: every honest form is taken, every bad one named and left, and no hand-in is ever lost."""

from __future__ import annotations

import io
import json
import os
import stat
import warnings
import zipfile

import nbformat
import pytest
from rich.console import Console
from tiny_course import ANSWERS, LAB, answer, fresh

from autograder.author.lab_source import load_lab
from autograder.collect import collect, take
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.release import release
from medxai.lab.submit import pack

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    course = fresh(tmp_path_factory.mktemp("released") / "course")
    lab = load_lab(course.find("01"))
    release.build_lab(lab)
    release.make(course, lab, course.notebooks / LAB)
    course.snapshot("01-r1").mkdir(parents=True)
    return course


@pytest.fixture
def course(template, tmp_path) -> LabCourse:
    import shutil

    shutil.copytree(template.root, tmp_path / "course")
    return LabCourse(tmp_path / "course")


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def notebook(course: Course, **answers: str) -> bytes:
    path = course.root / "work.ipynb"
    path.write_bytes((course.notebooks / LAB / f"{LAB}.ipynb").read_bytes())
    answer(path, **answers)
    return path.read_bytes()


def packed(course: Course, inbox, student: str, **answers: str):
    work = course.root.parent / "work"
    work.mkdir(exist_ok=True)
    (work / f"{LAB}.ipynb").write_bytes(notebook(course, **answers))
    return pack("01", work, student, inbox)[0]


def archive(path, members: dict) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of repeated names: that is the point of one test
        for name, data in members.items() if isinstance(members, dict) else members:
            made.writestr(name, data)


def collected(course: Course) -> set[str]:
    return {str(p.relative_to(course.submitted)) for p in course.submitted.rglob("*.ipynb")}


def test_every_honest_form_is_taken(course, inbox):
    plain = notebook(course)
    packed(course, inbox, "ada")
    packed(course, inbox, "bob").rename(
        inbox / "Bob Smith_77_assignsubmission_file_01--bob (1).zip"
    )  # as an LMS renames
    (inbox / "carla").mkdir()
    (inbox / "carla" / f"{LAB}.ipynb").write_bytes(plain)
    (inbox / "dan" / LAB).mkdir(parents=True)
    (inbox / "dan" / LAB / f"{LAB}.ipynb").write_bytes(plain)
    (inbox / "eve.ipynb").write_bytes(plain)
    (inbox / f"fay--{LAB}.ipynb").write_bytes(plain)
    (inbox / "Gil O'Neil").mkdir()
    packed(course, inbox / "Gil O'Neil", "gil")
    archive(inbox / "01--hal.zip", {f"{LAB}/{LAB} (2).ipynb": plain, "__MACOSX/._x.ipynb": b"junk", ".DS_Store": b""})
    result = collect.run(course, inbox)
    assert result.left == []
    assert collected(course) == {
        f"{s}/{LAB}/{LAB}.ipynb" for s in ["ada", "bob", "carla", "dan", "eve", "fay", "gil", "hal"]
    }
    assert len(list(inbox.rglob("*"))) == 12  # copied, not moved

    about = json.loads((course.submitted / "ada" / LAB / "submission.json").read_text(encoding="utf-8"))
    assert (about["release"], about["hand_in"], about["claimed"]) == ("01-r1", 1, ["01-r1"])

    from nbgrader.utils import parse_utc

    stamp = (course.submitted / "ada" / LAB / "timestamp.txt").read_text(encoding="utf-8")
    assert parse_utc(stamp).isoformat() + "+00:00" == about["created"]


def test_a_later_hand_in_replaces_and_keeps_the_earlier(course, inbox):
    first = packed(course, inbox, "ada")
    collect.run(course, inbox)
    (again,) = collect.run(course, inbox).taken
    assert (again.hand_in, again.news) == (1, False)
    one = (course.submitted / "ada" / LAB / f"{LAB}.ipynb").read_bytes()

    first.unlink()
    packed(course, inbox, "ada", **ANSWERS)
    (second,) = collect.run(course, inbox).taken
    assert (second.hand_in, second.news) == (2, True)
    kept, now = take.hand_ins(course, "ada", LAB)
    assert (kept / f"{LAB}.ipynb").read_bytes() == one
    assert (now / f"{LAB}.ipynb").read_bytes() == notebook(course, **ANSWERS)
    assert kept.parent.parent.parent == course.state / "hand_ins" and (kept / "timestamp.txt").is_file()
    # The first file turns up again: it was collected before, and the later one still counts.
    os.utime(inbox / "01--ada.zip")
    collect.run(course, inbox)
    assert len(take.hand_ins(course, "ada", LAB)) == 2


def bomb() -> bytes:
    """A small zip whose notebook unpacks to 300 MB."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("01_tiny.ipynb", "w") as member:
        for _ in range(30):
            member.write(b" " * 10_000_000)
    return made.getvalue()


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("01_tiny.ipynb")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def test_bad_files_are_named_and_left_and_the_others_go_through(course, inbox, tmp_path):
    plain = notebook(course)
    nb = json.loads(plain)
    other = json.loads(plain)
    other["metadata"]["medxai"]["lab"] = "09_trust"
    (inbox / "01--html.zip").write_bytes(b"<!DOCTYPE html><html>Please log in</html>")
    (inbox / "01--cut.zip").write_bytes((lambda b: b[: len(b) // 2])(packed(course, tmp_path, "cut").read_bytes()))
    damaged = bytearray(packed(course, tmp_path, "crc").read_bytes())
    damaged[200:260] = b"\xff" * 60
    (inbox / "01--crc.zip").write_bytes(damaged)
    archive(inbox / "01--slip.zip", {"../../../slipped.ipynb": plain})
    archive(inbox / "01--root.zip", {"/slipped.ipynb": plain})
    archive(inbox / "01--win.zip", {"..\\..\\slipped.ipynb": plain})
    archive(inbox / "01--link.zip", {link(): b"/etc/passwd"})
    archive(inbox / "01--twice.zip", [(f"a/{LAB}.ipynb", plain), (f"b/{LAB}.ipynb", plain)])
    archive(inbox / "01--many.zip", {f"{n}.txt": b"" for n in range(101)})
    archive(inbox / "01--empty.zip", {"notes.txt": b"I did it at home"})
    archive(inbox / "01--essay.zip", {f"{LAB}.ipynb": b"Dear professor"})
    archive(inbox / "01--deep.zip", {f"{LAB}.ipynb": b"[" * 100_000})
    archive(inbox / "01--mine.zip", {f"{LAB}.ipynb": plain, "submission.json": b'{"student": "ada"}'})
    (inbox / "01--bomb.zip").write_bytes(bomb())
    with zipfile.ZipFile(inbox / "01--nameless.zip", "w") as made:
        nameless = zipfile.ZipInfo("x")
        nameless.filename = ""
        with made.open(nameless, "w") as member:
            member.write(plain)
    archive(inbox / "01--shouts.zip", {"../\x1b]0;owned\x07\x1b[2J[bold red]all graded.ipynb": plain})
    with zipfile.ZipFile(inbox / "01--lzma.zip", "w", zipfile.ZIP_LZMA) as made:
        made.writestr(f"{LAB}.ipynb", plain)
    lzma = bytearray((inbox / "01--lzma.zip").read_bytes())
    lzma[60:140] = b"\xff" * 80
    (inbox / "01--lzma.zip").write_bytes(lzma)
    (inbox / "a[").mkdir()
    (inbox / "a[" / "b].zip").write_bytes(b"PK")
    (inbox / "page.ipynb").write_bytes(b"<html><body>502 Bad Gateway</body></html>")
    (inbox / "old.ipynb").write_bytes(json.dumps(nb | {"nbformat": 3}).encode())
    (inbox / "other.ipynb").write_bytes(json.dumps(other).encode())
    (inbox / f"{LAB}.ipynb").write_bytes(plain)
    (inbox / "essay.docx").write_bytes(b"PK\x03\x04")
    (inbox / "away.ipynb").symlink_to("/etc/hostname")
    packed(course, inbox, "good")
    before = sorted(p.name for p in inbox.iterdir())

    said = io.StringIO()
    result = collect.run(course, inbox, console=Console(file=said, width=400))
    assert "\x1b" not in said.getvalue() and "\x07" not in said.getvalue()
    told = dict(result.left)
    for name, reason in {
        "01--nameless.zip": "it contains no notebook",
        "01--shouts.zip": "points outside the archive",
        "01--lzma.zip": "is compressed with lzma",
        "a[/b].zip": "this zip file is incomplete",
        "01--html.zip": "it is a web page",
        "01--cut.zip": "this zip file is incomplete",
        "01--crc.zip": "the zip is damaged",
        "01--slip.zip": "points outside the archive",
        "01--root.zip": "points outside the archive",
        "01--win.zip": "points outside the archive",
        "01--link.zip": "is a link",
        "01--twice.zip": f"contains {LAB}.ipynb twice",
        "01--many.zip": "it contains 101 files",
        "01--empty.zip": "no notebook",
        "01--essay.zip": "is not a notebook",
        "01--deep.zip": "is not a notebook",
        "01--mine.zip": "its file name says mine, but its submission.json says ada",
        "01--bomb.zip": "unpacks to more than 20 MB",
        "page.ipynb": "is a web page",
        "old.ipynb": "not a notebook in format 4",
        "other.ipynb": "There is no lab '09_trust'",
        f"{LAB}.ipynb": "the student is unknown",
        "essay.docx": "neither a .zip nor a notebook",
        "away.ipynb": "this is a link",
    }.items():
        assert reason in told.pop(name), name
    assert told == {}
    assert [t.student for t in result.taken] == ["good"] and collected(course) == {f"good/{LAB}/{LAB}.ipynb"}
    assert sorted(p.name for p in inbox.iterdir()) == before
    assert not list(tmp_path.rglob("slipped*"))
    assert not [p.name for p in course.state.iterdir() if p.name.startswith("collect-")]


def test_without_course_metadata_the_lab_is_named_by_hand(course, inbox):
    """Another editor may drop metadata; the work counts all the same."""
    nb = nbformat.reads(notebook(course).decode(), as_version=4)
    del nb.metadata["medxai"]
    nbformat.write(nb, inbox / "ada.ipynb")
    assert "collect again with --lab" in collect.run(course, inbox).left[0][1]
    (taken,) = collect.run(course, inbox, lab="1").taken
    assert (taken.student, taken.lab) == ("ada", LAB) and "claims release none; collected as 01-r1" in taken.notes[0]
    with pytest.raises(AutograderError, match="There is no lab 'tony'"):
        collect.run(course, inbox, lab="tony")


def test_a_wrong_lab_is_left(course, inbox):
    packed(course, inbox, "ada")
    (course.solutions / "02_other").mkdir()
    (course.solutions / "02_other" / "02_other.py").write_text("# %%\n1\n", encoding="utf-8")
    ((_, reason),) = collect.run(course, inbox, lab="02").left
    assert reason == f"it belongs to lab {LAB}, but lab 02_other was requested."


def test_a_claimed_release_that_never_was_is_noted(course, inbox):
    nb = json.loads(notebook(course))
    nb["metadata"]["medxai"]["release"] = "01-r9"
    (inbox / "ada.ipynb").write_text(json.dumps(nb), encoding="utf-8")
    (taken,) = collect.run(course, inbox).taken
    assert taken.notes == ("it claims release 01-r9; collected as 01-r1",)


def test_a_missing_folder_is_named(course, tmp_path):
    with pytest.raises(AutograderError, match="does not exist"):
        collect.run(course, tmp_path / "nowhere")
    (course.submitted).mkdir()
    with pytest.raises(AutograderError, match="already collected"):
        collect.run(course, course.submitted)


def test_a_date_of_an_earlier_hand_in_without_its_zone_stops_nobody(course, inbox):
    packed(course, inbox, "ada")
    collect.run(course, inbox)
    path = course.submitted / "ada" / LAB / "submission.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(about | {"created": "2026-01-01T10:00:00"}), encoding="utf-8")
    packed(course, inbox, "ada", normalise="def normalise(film):\n    return film\n")
    packed(course, inbox, "bea")
    assert {(t.student, t.hand_in) for t in collect.run(course, inbox).taken} == {("ada", 2), ("bea", 1)}
