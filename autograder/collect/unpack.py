"""Unpacks an untrusted zip: by base name, only the files that belong to a submission, each into a file of its own.

Memory does not depend on what the archive contains or claims: its directory is measured before it is read, only stored and
deflated members are accepted (others can expand a few bytes to gigabytes in a single read), and members are written in pieces.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from pathlib import Path, PurePosixPath

from autograder.notebook.read import HEAD, MOST_BYTES, SubmissionError, kind_of
from autograder.plain_text import one_line
from autograder.remarks import About

MAX_MEMBERS = 100
MAX_TOTAL = 60_000_000  # total bytes of all members, unpacked
MAX_NAME = 500  # characters of a member's path
MAX_RATIO, RATIO_FROM = (
    200,
    1_000_000,
)  # unpacked over packed, for members from this many bytes on; a notebook has 3 to 20
MAX_DIRECTORY = MAX_MEMBERS * 4_000  # bytes of the archive's own directory
PIECE = 1 << 20
ABOUT = "submission.json"
ACCEPTED = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
OTHERS = {6: "implode", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}
_INSTEAD = {About.EMPTY: ": it is empty", About.WEB_PAGE: ": it is a web page"}


def unzip(path: Path, into: Path) -> dict[str, Path]:
    """Writes the notebooks and submission.json of a zip into a folder.

    Parameters
    ----------
    path : Path
        The archive.
    into : Path
        An empty folder.

    Returns
    -------
    dict
        Base name of each member -> the file that it was written to, which has a name of ours.

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
    found: dict[str, Path] = {}
    left = MAX_TOTAL
    try:
        if (size := _directory_size(path)) > MAX_DIRECTORY:
            raise SubmissionError(
                f"its list of files has {size / 1e6:.1f} MB; the limit is {MAX_DIRECTORY / 1e6:.1f} MB."
            )
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise SubmissionError(f"it contains {len(members)} files; the limit is {MAX_MEMBERS}.")
            for info in members:
                if (base := _base_name(info)) is None:
                    continue
                _refuse_kind(info)
                if base in found:
                    raise SubmissionError(f"it contains {base} twice.")
                found[base] = into / str(len(found))
                left -= _write(archive, info, found[base], min(MOST_BYTES, left))
    except SubmissionError:
        raise
    except Exception as e:  # zipfile and its decompressors raise whatever the damage leads to
        raise SubmissionError(f"the zip is damaged ({one_line(str(e), 200) or type(e).__name__}).") from None
    return found


def _directory_size(path: Path) -> int:
    """The size of the archive's directory as zipfile will read it, without reading it."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        start = max(0, length - 22 - (1 << 16))
        file.seek(start)
        tail = file.read()
    # zipfile takes the record at the very end if it has no comment, else the last one that it finds.
    last = len(tail) - 22
    at = last if last >= 0 and tail[last : last + 4] == b"PK\5\6" and tail[-2:] == b"\0\0" else tail.rfind(b"PK\5\6")
    if at < 0 or at + 22 > len(tail):
        raise SubmissionError("this zip file is incomplete. Was the upload cut off?")
    if tail[max(0, at - 20) : at].startswith(b"PK\6\7"):
        raise SubmissionError(
            "it is in the format for archives of more than 4 GB. Pack it again with an ordinary zip program."
        )
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _refuse_kind(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise SubmissionError("it is encrypted.")
    if info.compress_type not in ACCEPTED:
        name = OTHERS.get(info.compress_type, f"method {info.compress_type}")
        raise SubmissionError(
            f"its member {_shown(info)} is compressed with {name}; accepted are {' and '.join(ACCEPTED.values())} files. "
            "Pack it again with an ordinary zip program."
        )


def _base_name(info: zipfile.ZipInfo) -> str | None:
    """The base name of a member, None if the member is skipped."""
    name = info.filename.replace("\\", "/")
    if len(name) > MAX_NAME:
        raise SubmissionError(f"the path of one of its members has {len(name)} characters; the limit is {MAX_NAME}.")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise SubmissionError(f"its member {_shown(info)} points outside the archive.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise SubmissionError(f"its member {_shown(info)} is a link.")
    if not parts or info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts):
        return None
    return parts[-1] if parts[-1].endswith(".ipynb") or parts[-1] == ABOUT else None


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, to: Path, limit: int) -> int:
    """Unpacks a member in pieces and returns its size; never trusts the size that the archive claims."""
    size = 0
    with archive.open(info) as member, to.open("wb") as file:
        while piece := member.read(PIECE):
            size += len(piece)
            if size > limit:
                raise SubmissionError(f"its member {_shown(info)} unpacks to more than {limit / 1e6:.0f} MB.")
            if size > RATIO_FROM and size > MAX_RATIO * max(1, info.compress_size):
                raise SubmissionError(f"its member {_shown(info)} unpacks to more than {MAX_RATIO} times its size.")
            file.write(piece)
    return size


def _shown(info: zipfile.ZipInfo) -> str:
    return repr(one_line(info.filename, 80))
