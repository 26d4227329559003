"""Installs what the tests need beyond Python packages, or says in one sentence what is missing: `make test` and
`make test-all` run it first, with their own name as the argument.

For each need, in this order: what is already installed is used if it works; otherwise the system's package is installed, as root or
with `sudo -n`; otherwise the need's own installer is tried. A new need is one entry of NEEDS. The tests use the same functions to
find what is installed.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "google-chrome-beta",
            "google-chrome-unstable", "microsoft-edge")  # fmt: skip
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]  # fmt: skip
PLAYWRIGHT = [sys.executable, "-m", "playwright"]
SECONDS = 120  # for a program to show that it works; the first start is slow on a busy machine


@dataclass(frozen=True)
class Need:
    """name: as in the message; works: whether it is installed and runs; package: Debian's; own: another command to install
    it; without: the variable, after the target, that runs the other tests without it."""

    name: str
    works: Callable[[], bool]
    package: str
    own: tuple[str, ...] = ()
    without: str = ""


def ran(command: Sequence[str], seconds: float = SECONDS, **options) -> subprocess.CompletedProcess[str] | None:
    """The finished command with its output; None if it could not be run or failed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
            encoding="utf-8", errors="replace", **options,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done if done.returncode == 0 else None


@functools.cache
def browser() -> str | None:
    """The browser for tests that open pages: CHROMIUM, otherwise Chromium or Chrome on the PATH, otherwise playwright's; or None.

    The first that renders a page is used: a program on the PATH may only print advice on how to install the browser.
    """
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [path for name in BROWSERS if (path := shutil.which(name))]
    for path in found:
        if shows_a_page(path):
            return path
    own = None if named else playwrights_own()
    return own if own and shows_a_page(own) else None


def shows_a_page(path: str) -> bool:
    """Whether a browser renders a page in headless mode."""
    command = [path, "--headless", *SWITCHES, "--disable-dev-shm-usage", "--dump-dom", "data:text/html,<p>it works</p>"]
    done = ran(command)
    return done is not None and "it works" in done.stdout


def playwrights_own() -> str | None:
    """The path of the browser downloaded by playwright, or None."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    done = ran([sys.executable, "-c", code])
    path = done.stdout.strip().splitlines()[-1] if done and done.stdout.strip() else ""
    return path if os.path.isfile(path) else None


def driver_starts() -> bool:
    """Whether playwright's driver runs: its bundled Node.js, which needs libatomic."""
    return ran([*PLAYWRIGHT, "--version"]) is not None


NO_BROWSER = "BROWSER=no"
NEEDS = (
    Need("libatomic (for playwright's driver)", driver_starts, "libatomic1", without=NO_BROWSER),
    Need("Chromium or Chrome", lambda: browser() is not None, "chromium", (*PLAYWRIGHT, "install", "chromium"), NO_BROWSER),
)  # fmt: skip


def as_root() -> list[str] | None:
    """The prefix of a command that must run as root; None if that is not possible."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if ran(["sudo", "-n", "true"], 20) else None


def install(packages: Sequence[str], target: str) -> str:
    """Installs system packages; returns the reason if that failed, otherwise an empty string."""
    if not shutil.which("apt-get"):
        return "apt-get is not available"
    before = as_root()
    if before is None:
        return "installing it needs root"
    print(f"make {target}: installing {' '.join(packages)}", flush=True)
    apt = [*before, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    ran([*apt, "update"], 600)
    if not ran([*apt, "install", "-y", "--no-install-recommends", *packages], 1800):
        return "apt-get could not install it"
    return ""


def missing(needs: Sequence[Need]) -> list[Need]:
    browser.cache_clear()
    return [need for need in needs if not need.works()]


def main(target: str, needs: Sequence[Need] = NEEDS) -> str:
    """Installs what is missing; returns one sentence about what cannot be installed, or an empty string. `target` is the make target."""
    if not (wanted := missing(needs)):
        return ""
    reason = install([need.package for need in wanted], target)
    wanted = missing(wanted)
    for need in [need for need in wanted if need.own]:
        print(
            f"make {target}: {reason or 'the installed package does not run'}; trying {' '.join(need.own[2:])}",
            flush=True,
        )
        if not ran(need.own, 1800):
            reason += (" and " if reason else "") + "a download failed"
    if not (wanted := missing(wanted)):
        return ""
    what = " and ".join(need.name for need in wanted)
    packages = " ".join(need.package for need in wanted)
    rest = "; ".join(
        dict.fromkeys(f"or skip the tests that use it: make {target} {need.without}" for need in wanted if need.without)
    )
    return (
        f"make {target}: no test was run, because {what} could not be found or installed ({reason or 'it does not run'}). "
        f"Run as root: apt-get install {packages}; {rest}."
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["test"]) or None)
