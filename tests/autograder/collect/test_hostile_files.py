"""Files made to stop a collection: each costs little memory, gets its reason, and the honest neighbours are collected."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny_course import ANSWERS, LAB, answer, fresh

from autograder.course.lab_course import LabCourse
from autograder.release import release
from medxai.lab.submit import pack

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parents[3]
MOST_MEMORY = 200_000_000  # bytes of the whole process, with the interpreter and its modules
COLLECT = """
import json, sys
from pathlib import Path
from autograder.collect import collect
from autograder.course.lab_course import LabCourse
found = collect.run(LabCourse(sys.argv[1]), Path(sys.argv[2]))
# Not ru_maxrss, which a process inherits from the one that started it.
peak = next(line for line in open("/proc/self/status", encoding="utf-8") if line.startswith("VmHWM:"))
print(json.dumps([[one.student for one in found.taken], found.left, int(peak.split()[1]) * 1024]))
"""
NAME = f"{LAB}.ipynb"


def zipped(data: bytes, kind: int = zipfile.ZIP_DEFLATED, name: str = NAME, times: int = 1) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as archive, archive.open(name, "w") as member:
        for _ in range(times):
            member.write(data)
    return made.getvalue()


def with_patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


def many_members(count: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for n in range(count):
            archive.writestr(f"{n}.txt", b"")
    return made.getvalue()


def in_the_large_format(data: bytes) -> bytes:
    """An archive with the records of ZIP64, whose sizes go before those of the ordinary record."""
    end = data[-22:]
    size, start = int.from_bytes(end[12:16], "little"), int.from_bytes(end[16:20], "little")
    record = b"PK\6\6" + (44).to_bytes(8, "little") + bytes(12) + (1).to_bytes(8, "little") * 2
    record += size.to_bytes(8, "little") + start.to_bytes(8, "little")
    locator = b"PK\6\7" + bytes(4) + (len(data) - 22).to_bytes(8, "little") + (1).to_bytes(4, "little")
    return data[:-22] + record + locator + end


def notebook(text: str) -> bytes:
    cell = {"cell_type": "markdown", "metadata": {}, "source": text}
    about = {"medxai": {"lab": LAB, "notebook": LAB}}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": [cell]}, ensure_ascii=False
    ).encode()


def hostile() -> dict[str, tuple[bytes, str]]:
    """File name -> content, and a part of the reason that it is left with; "" if it may be collected."""
    blank = b" " * 10_000_000
    wide = notebook("x" * 19_000_000 + "\U0001f600")
    parts = b'{"nbformat":4,"metadata":{},"cells":[' + b"[]," * 6_000_000 + b"[]]}"
    return {
        "01--bzip2.zip": (zipped(blank, zipfile.ZIP_BZIP2, times=20), "is compressed with bzip2"),
        "01--lzma.zip": (zipped(blank, zipfile.ZIP_LZMA, times=20), "is compressed with lzma"),
        "01--escaped.zip": (
            zipped(notebook("x" * 18_000_000 + "E").replace(b"E", b"\\ud83d\\ude00"), zipfile.ZIP_STORED),
            "",
        ),
        "01--deflate.zip": (zipped(blank, times=30), "unpacks to more than 20 MB"),
        "01--ratio.zip": (zipped(blank), "unpacks to more than 200 times its size"),
        "01--about.zip": (zipped(blank, times=2, name="submission.json"), "unpacks to more than 200 times its size"),
        "01--members.zip": (many_members(40_000), "its list of files has"),
        "01--path.zip": (zipped(b"{}", name="a/" * 2_000 + NAME), "the path of one of its members has"),
        "01--large.zip": (in_the_large_format(zipped(b"{}")), "the format for archives of more than 4 GB"),
        "01--dot.zip": (with_patched(zipped(b"{}", name="q"), b"q", b"."), "no notebook"),
        "01--wide.zip": (zipped(wide, zipfile.ZIP_STORED), ""),
        "01--wide2.zip": (zipped(wide, zipfile.ZIP_STORED), ""),
        "01--parts.zip": (zipped(parts, zipfile.ZIP_STORED), "too many parts"),
        "01--text.ipynb": (b'"' + b"\\u4e00" * 3_000_000 + b'"', "not a notebook"),
        "\u00b2--square.ipynb": (notebook("no lab has this number"), ""),
    }


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """(students, reasons by file, peak memory in bytes) of a class with one honest student."""
    folder = tmp_path_factory.mktemp("hostile")
    course: LabCourse = fresh(folder / "course")
    release.run(course, make_zip=False)
    inbox = folder / "inbox"
    inbox.mkdir()
    for name, (data, _) in hostile().items():
        (inbox / name).write_bytes(data)
    answer(course.notebooks / LAB / NAME, **ANSWERS)
    pack("01", course.notebooks / LAB, "honest", inbox)
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, str(course.root), str(inbox)], capture_output=True, encoding="utf-8",
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    students, left, peak = json.loads(done.stdout.splitlines()[-1])
    assert not list(course.state.glob("spool-*"))
    return students, dict(left), peak


def test_each_file_has_its_own_reason_and_the_honest_are_collected(collected):
    students, left, _ = collected
    assert "honest" in students
    for name, (_, reason) in hostile().items():
        if reason:
            assert reason in left.get(name, "collected"), name


def test_memory_does_not_depend_on_what_is_handed_in(collected):
    assert collected[2] < MOST_MEMORY, f"{collected[2] / 1e6:.0f} MB"
