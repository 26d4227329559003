"""The contents of a folder of handed-in files: zips and single notebooks, each with its own metadata.

The student is taken from the file's name if possible (`01--STUDENT.zip`), else from the folder's name.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.collect.unpack import ABOUT, unzip
from autograder.notebook.read import SubmissionError, bytes_of, claims_of, parse
from medxai.lab.submit import SubmitError, clean

NAMED = re.compile(r"(?:^|[^0-9])(\d{1,2})--([A-Za-z0-9._-]+?)(?: ?\(\d+\))?$")
COPY = re.compile(r" ?\(\d+\)$")  # added by browsers to the name of a second download
CLAIM = re.compile(r"[\w.-]{1,80}", re.ASCII)
MOST_ABOUT = 1_000_000  # bytes of submission.json
PASSED_OVER = ("timestamp.txt", ABOUT)  # next to single notebooks, from an earlier collection


@dataclass(frozen=True)
class Notebook:
    """A notebook as handed in: a copy of the file, its SHA-256, and the `lab`, `release` and `notebook` that it claims, if any."""

    path: Path
    digest: str
    claims: dict[str, str]


@dataclass
class Handed:
    """The contents of one file (or of a student's single notebooks), before comparison with the lab.

    `notebooks` are keyed by file name, "" if unknown.
    """

    source: str
    student: str
    lab: str | None
    notebooks: dict[str, Notebook]
    created: datetime.datetime
    bare: bool = False


def read_all(folder: Path, wanted: str | None, spool: Path) -> tuple[list[Handed], list[tuple[str, str]]]:
    """Reads every file in `folder`, which may also be a single file.

    Parameters
    ----------
    folder : Path
    wanted : str or None
        The lab to assume for files that do not name one.
    spool : Path
        A folder for copies of the notebooks, which are needed until they have been taken.

    Returns
    -------
    (handed, left)
        The readable files, and the others as (file, reason).
    """
    root = folder if folder.is_dir() else folder.parent
    handed: list[Handed] = []
    left: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        inside = path.relative_to(root)
        if any(part.startswith((".", "__MACOSX")) for part in inside.parts):
            continue
        try:
            place = Path(tempfile.mkdtemp(dir=spool))
            if (one := _read(path, inside, wanted, place)) is not None:
                handed.append(one)
        except SubmissionError as e:
            left.append((str(inside), str(e)))
        except OSError as e:
            left.append((str(inside), f"cannot be read ({e.strerror})."))
        except Exception as e:  # whatever a damaged file leads to, the others are collected
            left.append((str(inside), f"cannot be read ({type(e).__name__})."))
    return _joined(handed), left


def _read(path: Path, inside: Path, wanted: str | None, place: Path) -> Handed | None:
    """The contents of one file, None if it is skipped."""
    if path.is_symlink():
        raise SubmissionError("this is a link; copy the file itself.")
    if not path.is_file():
        return None
    if path.suffix.lower() == ".zip":
        return _zip(path, inside, wanted, place)
    if path.suffix.lower() == ".ipynb":
        return _bare(path, inside, wanted, place)
    if path.name in PASSED_OVER or "expected" in inside.parts[:-1]:
        return None
    raise SubmissionError("this is neither a .zip nor a notebook (.ipynb).")


def _zip(path: Path, inside: Path, wanted: str | None, place: Path) -> Handed:
    contents = unzip(path, place)
    about = _about(contents.pop(ABOUT, None))
    named = NAMED.search(path.stem)
    said = str(about.get("student") or "")
    if named and said and named[2] != said:
        raise SubmissionError(
            f"its file name says {named[2]}, but its submission.json says {said}. Rename the file to match the right student."
        )
    who = named[2] if named else said or (inside.parts[0] if len(inside.parts) > 1 else "")
    if not who:
        raise SubmissionError(
            "the student is unknown: rename it to 01--STUDENT.zip, or put it into a folder named after the student."
        )
    notebooks = {}
    for name, copy in contents.items():
        found = _notebook(copy, name)
        notebooks[f"{found.claims['notebook']}.ipynb" if "notebook" in found.claims else name] = found
    if not notebooks:
        raise SubmissionError("it contains no notebook (.ipynb).")
    claimed = next((nb.claims["lab"] for nb in notebooks.values() if "lab" in nb.claims), None)
    lab = about.get("lab") or claimed or (named[1] if named else None) or wanted
    return Handed(str(inside), _student(who), lab, notebooks, _time(about.get("created"), path))


def _bare(path: Path, inside: Path, wanted: str | None, place: Path) -> Handed:
    """A single notebook: in a folder named after the student, or named STUDENT.ipynb, STUDENT--NOTEBOOK.ipynb, 01--STUDENT.ipynb."""
    copy = place / "0"
    copy.write_bytes(bytes_of(path))
    found = _notebook(copy, path.name)
    stem = COPY.sub("", path.stem)
    name = found.claims.get("notebook")
    named = NAMED.search(stem)
    lab = found.claims.get("lab") or wanted
    if len(inside.parts) > 1:
        who, name = inside.parts[0], name or stem
        if len(inside.parts) > 2 and re.match(r"\d\d_", inside.parts[-2]):
            lab = lab or inside.parts[-2]
    elif named:
        who, lab = named[2], lab or named[1]
    elif name and stem.endswith(name) and stem != name:
        who = stem[: -len(name)].rstrip("-_ ")
    elif stem == name or (not name and re.match(r"\d\d[a-z]?_", stem)):
        raise SubmissionError(
            "the student is unknown: put it into a folder named after the student, or rename it to STUDENT.ipynb."
        )
    else:
        who = stem
    file_name = f"{name}.ipynb" if name else ""
    return Handed(str(inside), _student(who), lab, {file_name: found}, _time(None, path), bare=True)


def _notebook(path: Path, name: str) -> Notebook:
    data = path.read_bytes()
    raw = parse(data, name, texts=False)  # claims are ASCII
    right = all(
        isinstance(c, dict) and isinstance(c.get("source"), (str, list)) and "cell_type" in c
        for c in raw.get("cells", [None])
    )
    if not right or raw.get("nbformat") != 4:
        raise SubmissionError(f"{name} is JSON but not a notebook in format 4 with cells.")
    return Notebook(
        path,
        hashlib.sha256(data).hexdigest(),
        {key: value for key, value in claims_of(raw).items() if CLAIM.fullmatch(value)},
    )


def _about(path: Path | None) -> dict[str, str]:
    try:
        about = json.loads(path.read_bytes()) if path and path.stat().st_size < MOST_ABOUT else {}
    except (ValueError, RecursionError):
        about = {}
    return {k: v for k, v in about.items() if isinstance(v, str)} if isinstance(about, dict) else {}


def _student(who: str) -> str:
    try:
        return clean(who)
    except SubmitError as e:
        raise SubmissionError(str(e)) from None


def _time(created: str | None, path: Path) -> datetime.datetime:
    """When it was packed, according to its metadata; else when the file was written."""
    if created:
        try:
            when = datetime.datetime.fromisoformat(created)
            when = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
            return when.astimezone(datetime.UTC).replace(microsecond=0)
        except (ValueError, OverflowError):
            pass
    return datetime.datetime.fromtimestamp(int(path.stat().st_mtime), datetime.UTC)


def _joined(handed: list[Handed]) -> list[Handed]:
    """Joins the single notebooks of one student and lab into one submission, unless two have the same name."""
    joined: list[Handed] = []
    for one in handed:
        partner = next(
            (o for o in joined if o.bare and one.bare and (o.student, o.lab) == (one.student, one.lab)
             and not o.notebooks.keys() & one.notebooks.keys()), None,
        )  # fmt: skip
        if partner is None:
            joined.append(one)
        else:
            partner.notebooks |= one.notebooks
            partner.created = max(partner.created, one.created)
            partner.source = f"{partner.source}, {one.source}"
    return joined
