"""Files copied into the sandbox arrive unchanged, and nothing else is unpacked, on every Python 3.11."""

from __future__ import annotations

import io
import os
import tarfile

import pytest

from warmkernel import working_folder
from warmkernel.inside.unpack import unpack
from warmkernel.settings import Limits

FOLDER = os.fsdecode("für dich".encode())  # even if the locale has no ü


def archive(*members):
    """Descriptor of an archive of (name, type, link or content)."""
    descriptor = os.memfd_create("archive")
    with os.fdopen(os.dup(descriptor), "wb") as file, tarfile.open(fileobj=file, mode="w") as packed:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(text) if kind == tarfile.REGTYPE else 0
            info.linkname = "" if kind == tarfile.REGTYPE else text
            packed.addfile(info, io.BytesIO(text.encode()))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def test_files_and_folders_arrive_with_content_time_and_permissions(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / FOLDER / "empty").mkdir(parents=True)
    target.mkdir()
    path = source / FOLDER / "run.sh"
    path.write_text("echo hé\n", encoding="utf-8")
    path.chmod(0o4777)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    (source / "link").symlink_to("/etc/passwd")
    unpack(working_folder.pack(source, Limits()), str(target))
    found = target / FOLDER / "run.sh"
    assert found.read_text(encoding="utf-8") == "echo hé\n" and (target / FOLDER / "empty").is_dir()
    assert found.stat().st_mode & 0o7777 == 0o755 and found.stat().st_mtime == 1_000_000_000
    assert sorted(os.listdir(target)) == [FOLDER]


@pytest.mark.parametrize(
    "members",
    [
        [("/out.txt", tarfile.REGTYPE, "x")],
        [("../out.txt", tarfile.REGTYPE, "x")],
        [("a", tarfile.DIRTYPE, ""), ("a/../../out.txt", tarfile.REGTYPE, "x")],
        [("a", tarfile.SYMTYPE, ".."), ("a/out.txt", tarfile.REGTYPE, "x")],
        [("a", tarfile.LNKTYPE, "/etc/passwd")],
        [("a", tarfile.CHRTYPE, "")],
        [("a", tarfile.FIFOTYPE, "")],
        [("a//out.txt", tarfile.REGTYPE, "x")],
    ],
)
def test_anything_else_is_refused(tmp_path, members):
    (tmp_path / "target").mkdir()
    with pytest.raises(tarfile.TarError):
        unpack(archive(*members), str(tmp_path / "target"))
    assert sorted(os.listdir(tmp_path)) == ["target"]
    assert not [path for path in (tmp_path / "target").iterdir() if not path.is_dir()]


def test_nothing_is_written_twice_or_through_a_link(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "out.txt").touch()
    (tmp_path / "target" / "a").symlink_to(tmp_path / "out.txt")
    with pytest.raises(OSError):
        unpack(archive(("a", tarfile.REGTYPE, "x")), str(tmp_path / "target"))
    with pytest.raises(OSError):
        unpack(archive(("b", tarfile.REGTYPE, "x"), ("b", tarfile.REGTYPE, "y")), str(tmp_path / "target"))
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == ""
