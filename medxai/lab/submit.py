"""Packs a lab's notebooks into one file to hand in: `python -m medxai submit 01`.

The file `LAB--STUDENT.zip` contains the notebooks and `submission.json`: the lab, the student, the release, the time, and
the SHA-256 of each notebook. Nothing is sent anywhere.
"""

from __future__ import annotations

import datetime
import getpass
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from data_fetch.store.atomic import fresh_file

MAX_NOTEBOOK = 20_000_000  # bytes; a notebook with all outputs of a lab has a tenth of that


class SubmitError(ValueError):
    """Why a lab cannot be packed, and what to do about it."""


def submit(
    lab: Annotated[str, typer.Argument(help="The lab's number, such as 01.")],
    student: Annotated[
        str | None, typer.Option(help="Your name or number, as your course knows it; default: your login name.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="The lab's folder, if it is not found automatically.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the file; default: the current folder.")] = Path("."),
) -> None:
    """Pack a lab's notebooks into one file to hand in."""
    try:
        path, about, notes = pack(lab, folder or find_lab(lab, Path.cwd()), student or _login(), out)
    except SubmitError as e:
        print(e, file=sys.stderr)
        raise typer.Exit(2) from None
    print(f"Packed lab {about['lab']} of {about['student']} ({about['release']}) into {path}:")
    for name in about["notebooks"]:
        print(f"  {name}")
    for note in notes:
        print(f"Note: {note}")
    print(
        "Upload this one file where your course collects work. You may pack again and upload again; the latest counts."
    )


def pack(lab: str, folder: Path, student: str, out: Path) -> tuple[Path, dict, list[str]]:
    """Packs the notebooks of a lab.

    Parameters
    ----------
    lab : str
        The lab's number, "01" (or its folder's name).
    folder : Path
        The folder with the lab's notebooks.
    student : str
        Reduced to letters, digits, dot, _ and -.
    out : Path
        Folder for the file; created if it is missing.

    Returns
    -------
    (path, about, notes)
        The file, the content of its submission.json, and notes for the student.

    Raises
    ------
    SubmitError
        If there is no notebook, or if one is not a saved notebook or belongs to another lab.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SubmitError(f"Folder not found: {folder}. Pass the lab's folder: --folder notebooks/01_...")
    paths = sorted(p for p in folder.glob("*.ipynb") if not p.name.startswith("."))
    if not paths:
        raise SubmitError(f"No notebook (.ipynb) in {folder}. Is this the right folder? Pass it with --folder.")
    name = clean(student)
    contents, claims, missing, ours, notes = {}, set(), set(), [], []
    for path in paths:
        data, about = _read(path)
        if about is None:
            notes.append(f"{path.name} is not a notebook of the course and was not packed.")
            continue
        ours.append(path)
        contents[path.name] = data
        missing |= {f"{one}.ipynb" for one in about.get("notebooks", ()) if not (folder / f"{one}.ipynb").is_file()}
        claims.add((str(about.get("lab")), str(about.get("release"))))
        if not _answers(data):
            notes.append(
                f"{path.name}: no exercise is answered (all are `raise NotImplementedError`). Did you save the notebook "
                "(Ctrl+S)?"
            )
    if not ours:
        raise SubmitError(
            f"No notebook in {folder} belongs to the course: expected a notebook from the student zip, with its metadata."
        )
    labs = {claim[0] for claim in claims}
    wanted = _number(lab)
    if {_number(one) for one in labs} != {wanted}:
        raise SubmitError(
            f"{folder} contains lab {', '.join(sorted(labs))}, not lab {wanted}. Pass the other number, or another --folder."
        )
    if missing:
        raise SubmitError(
            f"{', '.join(sorted(missing))}, part of this lab, is missing in {folder}. Was it renamed or moved? "
            "Put it back (or a fresh one from the student zip, if you have not worked on it)."
        )
    about = {
        "lab": sorted(labs)[0],
        "student": name,
        "release": sorted(release for _, release in claims)[-1],
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "notebooks": {n: hashlib.sha256(data).hexdigest() for n, data in contents.items()},
    }
    if name != student:
        notes.append(f"your name is written as {name} in the file: only letters, digits, dot, _ and - are allowed.")
    path = Path(out) / f"{wanted}--{name}.zip"
    _write(path, {**contents, "submission.json": (json.dumps(about, indent=1) + "\n").encode()})
    return path, about, notes


def find_lab(lab: str, start: Path) -> Path:
    """The folder of a lab's notebooks, searched in `start` and the folders above it.

    Raises
    ------
    SubmitError
        If no lab has this number.
    """
    number = _number(lab)
    seen = []
    for base in (start, *start.parents):
        if re.match(rf"{number}_", base.name) and any(base.glob("*.ipynb")):
            return base
        for parent in (base / "notebooks", base):
            if parent.is_dir():
                labs = sorted(p for p in parent.glob("[0-9][0-9]_*") if p.is_dir())
                if found := [p for p in labs if p.name.startswith(f"{number}_")]:
                    return found[0]
                seen += [p.name for p in labs if p.name not in seen]
    told = f"Labs found: {', '.join(seen)}." if seen else "No notebooks/ folder was found."
    raise SubmitError(
        f"Lab not found: {lab!r}. {told} Change to the course folder, or pass the lab's folder: --folder FOLDER"
    )


def clean(student: str) -> str:
    """A name that is safe for a file or folder: letters, digits, dot, _ and -, at most 64, no leading dot.

    Raises
    ------
    SubmitError
        If no character is left.
    """
    import unicodedata

    plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:64]
    name = re.sub(r"-{2,}", "-", name)
    if not name:
        raise SubmitError(f"The name {student!r} has no usable characters; use letters and digits: --student YOUR-NAME")
    return name


def _read(path: Path) -> tuple[bytes, dict | None]:
    """A notebook's bytes and its course metadata (None for a notebook that is not of the course)."""
    if not path.is_file():
        raise SubmitError(f"{path} is not a file. Move it away, and pack again.")
    if path.stat().st_size > MAX_NOTEBOOK:
        raise SubmitError(
            f"{path} has {path.stat().st_size / 1e6:.0f} MB; the limit is {MAX_NOTEBOOK / 1e6:.0f} MB. "
            "In JupyterLab: Edit, Clear Outputs of All Cells; then save and pack again."
        )
    data = path.read_bytes()
    try:
        nb = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise SubmitError(
            f"{path} is not a saved notebook (invalid JSON: {e}). Open it in JupyterLab, save it (Ctrl+S), and pack again."
        ) from None
    if not isinstance(nb, dict) or not isinstance(nb.get("cells"), list):
        raise SubmitError(f"{path} is JSON, but not a notebook: it has no cells. Was it saved by JupyterLab?")
    about = nb.get("metadata", {}).get("medxai") if isinstance(nb.get("metadata"), dict) else None
    return data, about if isinstance(about, dict) else None


def _answers(data: bytes) -> bool:
    """Whether any solution cell differs from its stub; also true if the notebook has no solution cells."""
    cells = [c for c in json.loads(data)["cells"] if isinstance(c, dict)]
    mine = [
        c
        for c in cells
        if isinstance(c.get("metadata"), dict) and (c["metadata"].get("nbgrader") or {}).get("solution")
    ]
    text = ["".join(map(str, c.get("source", ""))) for c in mine]
    return not mine or any("raise NotImplementedError" not in t and "YOUR ANSWER HERE" not in t for t in text)


def _write(path: Path, files: dict[str, bytes]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    except OSError as e:
        raise SubmitError(f"{path} cannot be written: {e.strerror}. Choose another folder: --out FOLDER") from e


def _number(lab: str) -> str:
    match = re.match(r"\d+", Path(str(lab)).name)
    return f"{int(match[0]):02d}" if match else str(lab)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        raise SubmitError("Your login name is unknown. Pass your name: --student YOUR-NAME") from None
