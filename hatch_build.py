"""Adds the project's URLs to a distribution: those of the repository that it is built from.

No address is written into the sources: a fork that is published gets its own. A wheel that is built from an sdist takes the
URLs from there; without a repository there are none.
"""

from __future__ import annotations

import re
import subprocess
from email.parser import HeaderParser
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ProjectUrls(MetadataHookInterface):
    """Sets `urls`, which pyproject.toml declares as dynamic."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict) -> None:
        """Called by hatchling with the content of [project]."""
        root = Path(self.root)
        metadata["urls"] = from_sdist(root) or from_remote(root)


def from_sdist(root: Path) -> dict[str, str]:
    """The URLs in the metadata of an unpacked sdist."""
    path = root / "PKG-INFO"
    if not path.is_file():
        return {}
    lines = HeaderParser().parsestr(path.read_text(encoding="utf-8")).get_all("Project-URL", [])
    return dict(re.split(r",\s*", line, maxsplit=1) for line in lines)


def from_remote(root: Path) -> dict[str, str]:
    """The URLs of the repository's origin, if it has one on the web."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        found = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return {}
    # https://HOST/OWNER/NAME.git, ssh://git@HOST/OWNER/NAME.git or git@HOST:OWNER/NAME.git; a token before the host is dropped.
    match = re.fullmatch(
        r"(?:(?:https?|ssh|git)://)?(?:[^@/\s]+@)?([\w.-]+\.[a-z]{2,})(?::\d+)?[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?",
        found,
    )
    if not match:
        return {}
    home = f"https://{match[1]}/{match[2]}"
    return {
        "Homepage": home,
        "Documentation": f"{home}/tree/main/docs",
        "Changelog": f"{home}/blob/main/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }
