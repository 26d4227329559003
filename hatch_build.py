"""Adds the project's URLs, and the README with full addresses, to a distribution: those of the repository that it is built from.

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
    """Sets `urls` and `readme`, which pyproject.toml declares as dynamic."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict) -> None:
        """Called by hatchling with the content of [project]."""
        root = Path(self.root)
        # An sdist may lie inside another repository, whose address is not its own.
        urls = from_sdist(root) if (root / "PKG-INFO").is_file() else from_remote(root)
        metadata["urls"] = urls
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_addresses(text, urls.get("Homepage", ""))}


def with_addresses(text: str, home: str) -> str:
    """The README for a package index, where links into the repository need its address."""
    if not home:
        return text
    text = re.sub(r"(!\[[^\]]*\]\()(?!\w+:|#)", rf"\g<1>{home}/raw/main/", text)
    return re.sub(r"(?<=\]\()(?!\w+:|#)", f"{home}/blob/main/", text)


def from_sdist(root: Path) -> dict[str, str]:
    """The URLs in the metadata of an unpacked sdist."""
    lines = HeaderParser().parsestr((root / "PKG-INFO").read_text(encoding="utf-8")).get_all("Project-URL", [])
    return dict(re.split(r",\s*", line, maxsplit=1) for line in lines)


def from_remote(root: Path) -> dict[str, str]:
    """The URLs of the repository's origin, if it has one on the web."""

    def git(*command: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, encoding="utf-8", check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return {}
        found = git("remote", "get-url", "origin")
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
