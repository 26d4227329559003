"""`autograder collect`: takes handed-in files into submitted/STUDENT/LAB/, and loses nothing.

Files come from anywhere, so everything in them is distrusted: only notebooks of the lab, by name and up to a size,
are written; a file that cannot be taken is reported with the reason and left where it is, and the others go through.
The file's name says who it is from where it can (`01--STUDENT.zip`); the folder it lies in otherwise.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.release.versions import snapshot
from medxai.lab.submit import MAX_NOTEBOOK, SubmitError, clean

if TYPE_CHECKING:
    from rich.console import Console

MAX_MEMBERS = 100
MAX_TOTAL = 60_000_000  # bytes of all members together, unpacked
NAMED = re.compile(r"(?:^|[^0-9])(\d{1,2})--([A-Za-z0-9._-]+?)(?: ?\(\d+\))?$")


class Refused(Exception):
    """Why one file was not taken."""


@dataclass(frozen=True)
class Taken:
    """A submission that lies in submitted/ now. `attempt` counts from 1; `news` is False when it was there already."""

    student: str
    lab: str
    attempt: int
    source: str
    news: bool
    notes: tuple[str, ...] = ()


@dataclass
class Collection:
    """What one collection did: submissions taken, and files left with the reason (file, reason)."""

    taken: list[Taken] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Handed:
    """What one file (or a student's bare notebooks) brings, before it is compared with the lab."""

    source: str
    student: str
    lab: str | None
    notebooks: dict[str, bytes]
    created: datetime.datetime


def run(course: Course, folder: Path, lab: str | None = None, console: Console | None = None) -> Collection:
    """Takes every submission in `folder` (or the one file that it is).

    Parameters
    ----------
    folder : Path
        With files 01--STUDENT.zip, notebooks named after their student, or a folder for each student.
    lab : str, optional
        The lab of files that do not say it; files that say another are refused.

    Raises
    ------
    AutograderError
        If the folder is missing, or is the course's own submitted/, or `lab` is unknown.
    """
    folder = Path(folder)
    if not folder.exists():
        raise AutograderError(f"There is no folder {folder}. Where were the submissions downloaded to?")
    if folder.resolve() == course.submitted or course.submitted in folder.resolve().parents:
        raise AutograderError(
            f"{folder} belongs to the submissions that are collected already; name the folder with the new ones."
        )
    wanted = course.find(lab).name if lab else None
    result = Collection()
    handed: list[_Handed] = []
    for source, read in _sources(folder):
        try:
            handed.append(read(wanted))
        except Refused as e:
            result.left.append((source, str(e)))
        except OSError as e:
            result.left.append((source, f"it cannot be read ({e.strerror})."))
    for one in sorted(_joined(handed), key=lambda h: (h.created, h.source)):
        try:
            result.taken.append(_take(course, one, wanted))
        except Refused as e:
            result.left.append((one.source, str(e)))
    if console:
        _tell(console, course, result)
    return result


def attempts(course: Course, student: str, lab: str) -> list[Path]:
    """The folders of a student's attempts at a lab, oldest first; the last is the one in submitted/."""
    kept = sorted(p for p in (course.state / "attempts" / student / lab).glob("*") if p.is_dir())
    now = course.submitted / student / lab
    return [*kept, *([now] if now.is_dir() else [])]


# --- reading -------------------------------------------------------------------------------------------------------


def _sources(folder: Path) -> Iterator[tuple[str, Callable[[str | None], _Handed]]]:
    """Each file to look at, as (its name, a function that reads it)."""
    root = folder if folder.is_dir() else folder.parent
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    for path in files:
        inside = path.relative_to(root)
        if any(part.startswith((".", "__MACOSX")) for part in inside.parts):
            continue
        if path.is_symlink():
            yield str(inside), partial(_refuse, "this is a link to another place; copy the file itself.")
        elif path.is_file() and path.suffix.lower() == ".zip":
            yield str(inside), partial(_zip, path, inside)
        elif path.is_file() and path.suffix.lower() == ".ipynb":
            yield str(inside), partial(_bare, path, inside)
        elif (
            path.is_file()
            and path.name not in ("timestamp.txt", "submission.json")
            and inside.parts[:-1].count("expected") == 0
        ):
            yield str(inside), partial(_refuse, "this is neither a .zip nor a notebook (.ipynb).")


def _refuse(reason: str, wanted: str | None) -> NoReturn:
    raise Refused(reason)


def _zip(path: Path, inside: Path, wanted: str | None) -> _Handed:
    contents = _unzip(path)
    about = _about(contents.pop("submission.json", None))
    named = NAMED.search(path.stem)
    said = str(about.get("student") or "")
    if named and said and named[2] != said:
        raise Refused(
            f"the file is named after {named[2]}, and its submission.json after {said}. Whose is it? Name the file after the right one."
        )
    who = named[2] if named else said or (inside.parts[0] if len(inside.parts) > 1 else "")
    if not who:
        raise Refused(
            "it does not say whose it is: name it 01--STUDENT.zip, or put it into a folder named after the student."
        )
    notebooks = {}
    for name, data in contents.items():
        claimed = _notebook(data, name)
        notebooks[f"{claimed['notebook']}.ipynb" if claimed.get("notebook") else name] = data
    if not notebooks:
        raise Refused("there is no notebook (.ipynb) in it.")
    lab = about.get("lab") or _claimed_lab(notebooks) or (named[1] if named else None) or wanted
    return _Handed(str(inside), _student(who), lab, notebooks, _time(about.get("created"), path))


def _unzip(path: Path) -> dict[str, bytes]:
    """Notebooks and submission.json of a zip, by base name. Nothing is written."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            raise Refused(f"this is not a zip file{_looks_like(file.read(2048))}.")
    found: dict[str, bytes] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise Refused(f"{len(members)} files are in it, at most {MAX_MEMBERS} are expected.")
            for info in members:
                name = info.filename.replace("\\", "/")
                parts = PurePosixPath(name).parts
                if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
                    raise Refused(f"its member {info.filename!r} points out of the archive.")
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise Refused(f"its member {info.filename!r} is a link.")
                if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts):
                    continue
                base = parts[-1]
                if not (base.endswith(".ipynb") or base == "submission.json"):
                    continue
                if info.flag_bits & 1:
                    raise Refused("it is encrypted.")
                if base in found:
                    raise Refused(f"it holds {base} twice.")
                limit = min(MAX_NOTEBOOK, MAX_TOTAL - total)
                with archive.open(info) as member:
                    data = member.read(limit + 1)  # never trusts the size that the archive claims
                if len(data) > limit:
                    raise Refused(f"its member {info.filename!r} unpacks to more than {limit / 1e6:.0f} MB.")
                total += len(data)
                found[base] = data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as e:
        raise Refused(f"the zip is damaged ({e}).") from None
    return found


def _bare(path: Path, inside: Path, wanted: str | None) -> _Handed:
    """A notebook by itself: in a folder named after the student, or named STUDENT.ipynb, STUDENT--NOTEBOOK.ipynb, 01--STUDENT.ipynb."""
    if path.stat().st_size > MAX_NOTEBOOK:
        raise Refused(f"it has {path.stat().st_size / 1e6:.0f} MB, at most {MAX_NOTEBOOK / 1e6:.0f} are taken.")
    data = path.read_bytes()
    claimed = _notebook(data, path.name)
    stem = re.sub(r" ?\(\d+\)$", "", path.stem)
    name = claimed.get("notebook")
    named = NAMED.search(stem)
    lab = claimed.get("lab") or wanted
    if len(inside.parts) > 1:
        who, name = inside.parts[0], name or stem
        if len(inside.parts) > 2 and re.match(r"\d\d_", inside.parts[-2]):
            lab = lab or inside.parts[-2]
    elif named:
        who, lab = named[2], lab or named[1]
    elif name and stem.endswith(name) and stem != name:
        who = stem[: -len(name)].rstrip("-_ ")
    elif stem == name or (not name and re.match(r"\d\d[a-z]?_", stem)):
        raise Refused(
            "it does not say whose it is: put it into a folder named after the student, or name it STUDENT.ipynb."
        )
    else:
        who = stem
    return _Handed(str(inside), _student(who), lab, {f"{name}.ipynb" if name else "": data}, _time(None, path))


def _notebook(data: bytes, name: str) -> dict:
    """What a notebook says about itself in its course metadata; Refused if it is none."""
    try:
        nb = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(f"{name} is not a notebook{_looks_like(data[:2048])}.") from None
    cells = nb.get("cells") if isinstance(nb, dict) else None
    right = isinstance(cells, list) and all(
        isinstance(c, dict) and isinstance(c.get("source"), (str, list)) and "cell_type" in c for c in cells
    )
    if not right or nb.get("nbformat") != 4:
        raise Refused(f"{name} is JSON, but not a notebook of format 4 with cells.")
    metadata = nb.get("metadata")
    about = metadata.get("medxai") if isinstance(metadata, dict) else None
    about = about if isinstance(about, dict) else {}
    return {k: v for k, v in about.items() if isinstance(v, str) and re.fullmatch(r"[\w.-]{1,80}", v)}


def _looks_like(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head.strip():
        return ": it is empty"
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        return ": it is an HTML page, perhaps a login page that was saved in its place"
    if head[:2] == b"PK":
        return ": it is a zip, or the beginning of one"
    return ""


def _about(data: bytes | None) -> dict:
    try:
        about = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        about = {}
    return {k: v for k, v in about.items() if isinstance(v, str)} if isinstance(about, dict) else {}


def _claimed_lab(notebooks: dict[str, bytes]) -> str | None:
    return next((lab for name, data in notebooks.items() if (lab := _notebook(data, name).get("lab"))), None)


def _student(who: str) -> str:
    try:
        return clean(who)
    except SubmitError as e:
        raise Refused(str(e)) from None


def _time(created: str | None, path: Path) -> datetime.datetime:
    """When it was packed, by its own word; else when the file was written."""
    if created:
        try:
            when = datetime.datetime.fromisoformat(created)
            return (
                (when if when.tzinfo else when.replace(tzinfo=datetime.UTC))
                .astimezone(datetime.UTC)
                .replace(microsecond=0)
            )
        except (ValueError, OverflowError):
            pass
    return datetime.datetime.fromtimestamp(int(path.stat().st_mtime), datetime.UTC)


def _joined(handed: list[_Handed]) -> list[_Handed]:
    """Bare notebooks of one student and lab are one submission, unless one has the name of another."""
    joined: list[_Handed] = []
    for one in handed:
        bare = one.source.lower().endswith(".ipynb")
        partner = next(
            (o for o in joined if bare and o.source.lower().endswith(".ipynb") and (o.student, o.lab) == (one.student, one.lab)
             and not o.notebooks.keys() & one.notebooks.keys()), None,
        )  # fmt: skip
        if partner is None:
            joined.append(one)
        else:
            partner.notebooks |= one.notebooks
            partner.created = max(partner.created, one.created)
            partner.source = f"{partner.source}, {one.source}"
    return joined


# --- taking --------------------------------------------------------------------------------------------------------


def _take(course: Course, one: _Handed, wanted: str | None) -> Taken:
    if one.lab is None:
        raise Refused("it does not say which lab it is: collect again with --lab NUMBER.")
    try:
        lab = course.find(one.lab).name
    except AutograderError as e:
        raise Refused(str(e)) from None
    if wanted and lab != wanted:
        raise Refused(f"it is lab {lab}, and lab {wanted} was asked for.")
    expected = sorted(p.with_suffix(".ipynb").name for p in course.find(lab).glob("*.py"))
    notebooks = {n: d for n, d in one.notebooks.items() if n in expected}
    if not notebooks and list(one.notebooks) == [""] and len(expected) == 1:
        notebooks = {expected[0]: one.notebooks[""]}  # no course metadata left: a lab of one notebook leaves no choice
    if not notebooks:
        raise Refused(
            f"none of its notebooks ({', '.join(filter(None, sorted(one.notebooks))) or 'no name'}) is one of {lab}: expected {', '.join(expected)}."
        )
    notes = [f"{name} is missing" for name in expected if name not in notebooks]
    notes += [
        f"{name} is not a notebook of {lab} and was not taken"
        for name in sorted(one.notebooks)
        if name and name not in expected
    ]
    claims = sorted({r for n, d in notebooks.items() if (r := _notebook(d, n).get("release"))})
    current = f"{lab.split('_')[0]}-r{_current(course, lab)}"
    known = [c for c in claims if re.fullmatch(r"\d\d-r\d+", c) and snapshot(course, c).is_dir()]
    release = known[-1] if known else current
    if claims != [release]:
        notes.append(f"it claims the release {', '.join(claims) or 'none'}; taken as {release}")

    digest = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(notebooks.items())}
    earlier = attempts(course, one.student, lab)
    latest = _packed(earlier[-1]) if earlier else None
    for n, folder in enumerate(earlier, 1):
        # The same work handed in again after something else was: then it is what the student wants to count.
        again = folder != earlier[-1] and latest is not None and one.created > latest
        if _digest(folder) == digest and not again:
            return Taken(one.student, lab, n, one.source, False, ("collected before",))
    if latest is not None and one.created < latest:
        notes.append(f"packed before attempt {len(earlier)}, which was collected first")
    about = {
        "lab": lab, "student": one.student, "release": release, "claimed": claims, "attempt": len(earlier) + 1,
        "created": one.created.isoformat(timespec="seconds"),
        "collected": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "source": one.source, "notebooks": digest, "notes": notes,
    }  # fmt: skip
    _store(course, one.student, lab, notebooks, about, f"{one.created:%Y-%m-%d %H:%M:%S} UTC", len(earlier))
    return Taken(one.student, lab, len(earlier) + 1, one.source, True, tuple(notes))


def _store(
    course: Course, student: str, lab: str, notebooks: dict[str, bytes], about: dict, when: str, earlier: int
) -> None:
    """Writes the new attempt beside its place, puts the earlier one aside, then moves the new one in."""
    course.state.mkdir(exist_ok=True)
    place = course.submitted / student / lab
    new = Path(tempfile.mkdtemp(prefix="collect-", dir=course.state))
    try:
        for name, data in notebooks.items():
            (new / name).write_bytes(data)
        (new / "timestamp.txt").write_text(when, encoding="utf-8")  # nbgrader reads this one
        (new / "submission.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        new.chmod(0o755)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            kept = course.state / "attempts" / student / lab / f"{earlier:03d}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            os.replace(place, kept)
        os.replace(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _packed(folder: Path) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(
            json.loads((folder / "submission.json").read_text(encoding="utf-8"))["created"]
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None  # put there by hand or by nbgrader


def _digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.ipynb"))}


def _current(course: Course, lab: str) -> int:
    from autograder.release.versions import release_number

    return release_number(course.solutions / lab)


def _tell(console: Console, course: Course, result: Collection) -> None:
    from rich.table import Table

    news = [t for t in result.taken if t.news]
    if result.taken:
        table = Table("student", "lab", "attempt", "from", "note", box=None, pad_edge=False)
        for t in result.taken:
            table.add_row(t.student, t.lab, str(t.attempt), t.source, "; ".join(t.notes))
        console.print(table)
    where = course.submitted.relative_to(course.root)
    console.print(
        f"{len(news)} new submissions in {where}/, {len(result.taken) - len(news)} collected before, {len(result.left)} files left where they are."
    )
    for source, reason in result.left:
        console.print(f"  left: {source}: {reason}", markup=False, highlight=False, soft_wrap=True)
    if news:
        console.print(f"Next: autograder grade {news[0].lab.split('_')[0]}")
