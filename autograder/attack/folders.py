"""Attacks by other files in the submitted folder, by replaced notebooks, and by the student's name."""

from __future__ import annotations

import json
import os
from pathlib import Path

from autograder.attack.kinds import LAB, OPEN, SECOND, Desk, Kinds
from autograder.record.records import FAILED
from autograder.remarks import About

WRONG = "def centre(values):\n    return values + 1\n"

files = Kinds("files")


@files.kind(
    "links-out",
    "links to the gradebook and to /etc, dangling and circular links, and an answer that reads them",
    marks=SECOND,
    quick=True,
)
def _links(desk: Desk) -> None:
    source = "import os\ndef centre(values):\n    for name in ('book', 'etc', 'home'):\n        if os.path.exists(name):\n            return values - values.mean()\n    return values + 1\n"
    desk.hand_in(desk.answered(centre=source))
    links: dict[str, str | Path] = {
        "book": desk.course.gradebook,
        "etc": "/etc",
        "gone": "/nowhere/at/all",
        "loop": "loop",
        "home": desk.targets.canary,
    }
    for name, target in links.items():
        os.symlink(target, desk.folder / name)
    os.link(desk.targets.canary, desk.folder / "hard")


@files.kind(
    "notebook-a-link",
    "the notebook is a link to the lab's source",
    marks=OPEN,
    status=FAILED,
    because={About.NO_FILE},
    quick=True,
)
def _notebook_link(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    os.symlink(desk.course.solutions / LAB / f"{LAB}.ipynb", desk.notebook)


@files.kind(
    "folder-a-link", "the folder is a link to another student's", marks=OPEN, status=FAILED, because={About.NO_FOLDER}
)
def _folder_link(desk: Desk) -> None:
    desk.folder.parent.mkdir(parents=True)
    os.symlink(desk.course.submitted / "aa-perfect" / LAB, desk.folder)


@files.kind(
    "pipes",
    "pipes, one of them instead of the notebook",
    marks=OPEN,
    status=FAILED,
    because={About.NO_FILE},
    quick=True,
)
def _pipes(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    os.mkfifo(desk.notebook)
    os.mkfifo(desk.folder / "data.csv")
    os.mkfifo(desk.folder / "submission.json")
    os.mkfifo(desk.folder / "timestamp.txt")


@files.kind("notebook-a-folder", "the notebook is a folder", marks=OPEN, status=FAILED, because={About.NO_FILE})
def _notebook_folder(desk: Desk) -> None:
    (desk.notebook / "x").mkdir(parents=True)


@files.kind("odd-names", "file names that are not valid UTF-8, contain line breaks or are very long", quick=True)
def _odd_names(desk: Desk) -> None:
    desk.hand_in()
    for name in (
        b"\xff\xfe.txt",
        b"a\nb\x1b[31m.ipynb",
        b"n" * 250,
        b"-rf",
        "e\u0301.txt".encode(),
        "\u00e9.txt".encode(),
    ):
        with open(os.path.join(os.fsencode(desk.folder), name), "wb") as file:
            file.write(b"x")


@files.kind("renamed", "the notebook has another name", marks=OPEN, status=FAILED, because={About.MISSING})
def _renamed(desk: Desk) -> None:
    desk.hand_in()
    desk.notebook.rename(desk.folder / "Untitled.ipynb")


@files.kind("extra-notebook", "a second notebook", because={About.NOT_OF_THE_LAB})
def _extra(desk: Desk) -> None:
    desk.hand_in()
    desk.write("{", "extra.ipynb")


@files.kind("empty-folder", "an empty folder", marks=OPEN, status=FAILED, because={About.MISSING})
def _empty(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)


@files.kind(
    "modules-left",
    "numpy.py, sitecustomize.py and files named like our modules in the folder",
    marks=SECOND,
    quick=True,
)
def _modules(desk: Desk) -> None:
    desk.hand_in(desk.answered(centre=WRONG))
    for name in ("numpy", "sitecustomize", "usercustomize", "prey_checks", "autograder", "json", "_bootlocale"):
        desk.write("raise SystemExit\n", f"{name}.py")
    desk.write("assert False", "conftest.py")
    desk.write("c = 1 / 0", "nbgrader_config.py")
    desk.write(json.dumps({"argv": ["/bin/false"]}), "kernel.json")


@files.kind("sparse-file", "a sparse file of 8 TB", because={About.MORE_FILES})
def _sparse(desk: Desk) -> None:
    desk.hand_in()
    with open(desk.folder / "data.bin", "wb") as file:
        file.truncate(1 << 43)


@files.kind("deep-folders", "folders nested 300 deep, and 3,000 files")
def _deep(desk: Desk) -> None:
    desk.hand_in()
    (desk.folder / "/".join("d" * 300)).mkdir(parents=True)
    (desk.folder / "many").mkdir()
    for number in range(3_000):
        (desk.folder / "many" / str(number)).touch()


@files.kind("unreadable", "files and folders without permissions")
def _unreadable(desk: Desk) -> None:
    desk.hand_in()
    desk.write("x", "shut.txt").chmod(0)
    (desk.folder / "shut").mkdir(mode=0)


@files.kind("submission-json", "a forged submission.json: infinite numbers, another lab's release", quick=True)
def _about(desk: Desk) -> None:
    desk.hand_in()
    desk.write(
        '{"hand_in": 1e309, "release": "02-r1", "lab": "../../x", "created": {"a": [1]}, "student": "zz-blank"}',
        "submission.json",
    )


@files.kind("submission-long", "a submission.json with an enormous release", quick=True)
def _about_long(desk: Desk) -> None:
    desk.hand_in()
    desk.write(
        json.dumps({"hand_in": 10**4000, "release": "01-r" + "1" * 5000, "created": "x" * 100_000}), "submission.json"
    )


@files.kind("submission-nested", "a deeply nested submission.json")
def _about_nested(desk: Desk) -> None:
    desk.hand_in()
    desk.write("[" * 200_000, "submission.json")


dates = Kinds("dates and names")
for name, text in {
    "date-nonsense": "yesterday\n=HYPERLINK(1)",
    "date-past": "0001-01-01 00:00:00 UTC",
    "date-future": "9999-12-31 23:59:59 UTC+23",
    "date-empty": "",
    "date-binary": "\udcff\x00",
}.items():

    def _dated(desk: Desk, text: str = text) -> None:
        desk.hand_in()
        desk.write(text, "timestamp.txt")

    dates.add(name, f"timestamp.txt says {text[:20]!r}", _dated, quick=name == "date-nonsense")

for name, student in {
    "name-formula": '=HYPERLINK("x")',
    "name-comma": "Doe, Jr",
    "name-quotes": "a\"b'c;DROP TABLE student;--",
    "name-direction": "a\u202eb",
    "name-of-ours": "scratch",
    "name-case": "AA-Perfect",
    "name-accent": "re\u0301my",
    "name-accent-one": "r\u00e9my",
    "name-long": "n" * 200,
    "name-script": "<script>alert(1)<",
    "name-percent": "%s{student_id}%2e",
    "name-dash": "--again",
    "name-home": "~",
}.items():
    dates.add(
        name,
        f"the student is called {student[:30]!r}",
        lambda desk: desk.hand_in(),
        student=student,
        quick=name in ("name-formula", "name-long"),
    )

GROUPS = (files, dates)
