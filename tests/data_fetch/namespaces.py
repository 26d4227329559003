"""Truly full or read-only folders, and machines without a network, for tests: Linux namespaces.

Root may write regardless of permissions, so a folder made read-only with `chmod` would prove nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = f'"{sys.executable}"'
LOOPBACK = (
    "import fcntl, socket, struct; s = socket.socket();"
    "fcntl.ioctl(s, 0x8914, struct.pack('16sH14s', b'lo', 0x49, b''))"  # SIOCSIFFLAGS, up and running
)


def inside(script: str, *kinds: str, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script in its own namespaces: "mount" (it may mount), "net" (only the network it sets up)."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare (util-linux)")
    command = ["unshare", "--user", "--map-root-user", *(f"--{kind}" for kind in kinds)]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not allow user namespaces")
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [*command, "sh", "-ec", script],
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **{key: str(value) for key, value in environment.items()}},
        timeout=300,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def read_only(folder: Path) -> str:
    """Shell commands after which no user, not even root, can write into a folder."""
    return (
        f'mount --bind "{folder}" "{folder}"; mount -o remount,bind,ro "{folder}"; ! touch "{folder}/x" 2>/dev/null\n'
    )


def small_disk(folder: Path, size: str) -> str:
    """Shell commands that put a folder on its own disk of this size."""
    return f'mkdir -p "{folder}"; mount -t tmpfs -o size={size} tmpfs "{folder}"\n'
