"""Makes what the tests need beyond Python packages, or says in one sentence what is missing: `make test` and
`make test-all` run it first, and name themselves to it.

For each need, in this order: what is there is taken if it works; else the system's package is installed, as root or where `sudo -n`
works; else the need's own way of getting it is tried. A new need is one entry of NEEDS. Tests find what it found by the same
functions.
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
SECONDS = 120  # for a program to show that it works; on a busy machine the first start takes long


@dataclass(frozen=True)
class Need:
    """name: as the sentence calls it; works: whether it is there and runs; package: Debian's; own: another way to get it;
    without: what to set, after the target, to run the rest of the tests without it."""

    name: str
    works: Callable[[], bool]
    package: str
    own: tuple[str, ...] = ()
    without: str = ""


def ran(command: Sequence[str], seconds: float = SECONDS, **options) -> subprocess.CompletedProcess[str] | None:
    """What a command said, None where it could not be run or did not end well."""
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
    """The browser that tests open pages in: CHROMIUM, else Chromium or Chrome on the PATH, else playwright's own; None: there is none.

    The first that shows a page is taken: a name on the PATH may be no more than the advice to install it.
    """
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [path for name in BROWSERS if (path := shutil.which(name))]
    for path in found:
        if shows_a_page(path):
            return path
    own = None if named else playwrights_own()
    return own if own and shows_a_page(own) else None


def shows_a_page(path: str) -> bool:
    """Whether a browser renders a page without a screen."""
    command = [path, "--headless", *SWITCHES, "--disable-dev-shm-usage", "--dump-dom", "data:text/html,<p>it works</p>"]
    done = ran(command)
    return done is not None and "it works" in done.stdout


def playwrights_own() -> str | None:
    """Where playwright keeps the browser that it has downloaded, if it has."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    done = ran([sys.executable, "-c", code])
    path = done.stdout.strip().splitlines()[-1] if done and done.stdout.strip() else ""
    return path if os.path.isfile(path) else None


def driver_starts() -> bool:
    """Whether playwright's driver runs: a Node.js of its own, which needs libatomic."""
    return ran([*PLAYWRIGHT, "--version"]) is not None


NO_BROWSER = "BROWSER=no"
NEEDS = (
    Need("libatomic, which playwright's driver starts with,", driver_starts, "libatomic1", without=NO_BROWSER),
    Need("Chromium or Chrome", lambda: browser() is not None, "chromium", (*PLAYWRIGHT, "install", "chromium"), NO_BROWSER),
)  # fmt: skip


def as_root() -> list[str] | None:
    """What to put before a command that root must run; None where nobody lets us."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if ran(["sudo", "-n", "true"], 20) else None


def install(packages: Sequence[str], target: str) -> str:
    """Installs packages of the system; what kept it from doing so, or nothing."""
    if not shutil.which("apt-get"):
        return "there is no apt-get to install it with"
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
    """Makes what is missing; the one sentence about what cannot be made, or nothing. The target of make is named as it was asked for."""
    if not (wanted := missing(needs)):
        return ""
    reason = install([need.package for need in wanted], target)
    wanted = missing(wanted)
    for need in [need for need in wanted if need.own]:
        print(
            f"make {target}: {reason or 'what was installed does not run'}; trying {' '.join(need.own[2:])}", flush=True
        )
        if not ran(need.own, 1800):
            reason += (" and " if reason else "") + "a download failed"
    if not (wanted := missing(wanted)):
        return ""
    what = " and ".join(need.name for need in wanted)
    packages = " ".join(need.package for need in wanted)
    rest = "; ".join(
        dict.fromkeys(
            f"or leave out the tests that use it: make {target} {need.without}" for need in wanted if need.without
        )
    )
    return (
        f"make {target}: no test was run, because {what} cannot be found or made here ({reason or 'it does not run'}): as root, "
        f"apt-get install {packages}; {rest}."
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["test"]) or None)
