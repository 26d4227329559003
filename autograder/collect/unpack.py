"""Unpacks an untrusted zip: in memory, by base name, and only the files that belong to a submission."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path, PurePosixPath

from autograder.notebook.read import HEAD, MOST_BYTES, SubmissionError, kind_of
from autograder.plain_text import plain
from autograder.remarks import About

MAX_MEMBERS = 100
MAX_TOTAL = 60_000_000  # total bytes of all members, unpacked
ABOUT = "submission.json"
_INSTEAD = {About.EMPTY: ": it is empty", About.WEB_PAGE: ": it is a web page"}


def unzip(path: Path) -> dict[str, bytes]:
    """Notebooks and submission.json of a zip, by base name. Nothing is written.

    Raises
    ------
    SubmissionError
        If it is not a zip, is damaged, or contains suspicious members.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            kind = kind_of(file.read(HEAD))
        if kind is About.ZIP_ARCHIVE:
            raise SubmissionError("this zip file is incomplete. Was the upload cut off?")
        raise SubmissionError(f"this is not a zip file{_INSTEAD[kind] if kind else ''}.")
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise SubmissionError(f"it contains {len(members)} files; the limit is {MAX_MEMBERS}.")
            for info in members:
                if (base := _base_name(info)) is None:
                    continue
                if info.flag_bits & 1:
                    raise SubmissionError("it is encrypted.")
                if base in found:
                    raise SubmissionError(f"it contains {base} twice.")
                found[base] = _content(archive, info, MAX_TOTAL - sum(map(len, found.values())))
    except SubmissionError:
        raise
    except Exception as e:  # zipfile and its decompressors raise whatever the damage leads to
        raise SubmissionError(f"the zip is damaged ({plain(str(e), 200) or type(e).__name__}).") from None
    return found


def _base_name(info: zipfile.ZipInfo) -> str | None:
    """The base name of a member, None if the member is skipped."""
    name = info.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise SubmissionError(f"its member {info.filename!r} points outside the archive.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise SubmissionError(f"its member {info.filename!r} is a link.")
    if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts):
        return None
    return parts[-1] if parts[-1].endswith(".ipynb") or parts[-1] == ABOUT else None


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> bytes:
    limit = min(MOST_BYTES, left)
    with archive.open(info) as member:
        data = member.read(limit + 1)  # never trust the size that the archive claims
    if len(data) > limit:
        raise SubmissionError(f"its member {info.filename!r} unpacks to more than {limit / 1e6:.0f} MB.")
    return data
