"""Is this computer ready for the course? Reports each problem and the command that fixes it; changes nothing.

In a notebook: ``environment.report()``. In a terminal: ``python -m medxai.lab.environment``.
"""

from __future__ import annotations

import os
import pathlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import typer

from data_fetch import command_line

DISTRIBUTION = "medxai-course"
MEMORY_GB = 3.0  # the peak memory of lab 01 in the cpu profile, with JupyterLab
DISK_GB = 1.0  # the cache of all phantom sets, with room to spare
INSTALL = "make setup   (with the student zip: the two commands in its README)"


@dataclass(frozen=True)
class Finding:
    """One item of the report: its name, what was found, and what to do about it (None: nothing)."""

    name: str
    found: str
    advice: str | None = None


@dataclass(frozen=True)
class Report:
    """All findings. Printing it shows one line for each; `ready` says whether the labs will run here."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether the labs will run here."""
        return all(finding.advice is None for finding in self.findings)

    def __str__(self) -> str:
        lines = []
        for finding in self.findings:
            lines.append(f"{'ok   ' if finding.advice is None else 'WRONG'}  {finding.name:11} {finding.found}")
            if finding.advice is not None:
                lines.append(f"{'':7}{'':11} What to do: {finding.advice}")
        wrong = sum(finding.advice is not None for finding in self.findings)
        lines.append("")
        lines.append(
            "Everything is ready. Continue."
            if not wrong
            else f"{'One problem' if wrong == 1 else f'{wrong} problems'} found. Fix the lines marked "
            "WRONG, restart the kernel (menu Kernel) and run this cell again."
        )
        return "\n".join(lines)

    __repr__ = __str__


def report() -> Report:
    """Check Python, the packages, TensorFlow, the memory, the disk and the data cache. Takes a few seconds."""
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("Python", _python),
        ("packages", _packages),
        ("TensorFlow", _tensorflow),
        ("memory", _memory),
        ("data cache", _cache),
    )
    findings = []
    for name, look in looks:
        try:
            findings.append(look())
        except Exception as problem:  # an incomplete report is useless: note the failure and continue
            findings.append(Finding(name, f"could not be checked ({type(problem).__name__}: {problem})", INSTALL))
    return Report(tuple(findings))


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} ({platform.machine()})"
    if sys.version_info[:2] != (3, 11):
        return Finding("Python", f"{found}, expected 3.11", f"install the course's own environment: {INSTALL}")
    return Finding("Python", found)


def _packages() -> Finding:
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in metadata.requires(DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        return Finding("packages", "the course itself is not installed in this kernel's environment", INSTALL)
    wrong, count = [], 0
    for requirement in wanted:
        # In the student zip they are required, in the repository they are the extra `labs`.
        if requirement.marker and not requirement.marker.evaluate({"extra": "labs"}):
            continue
        count += 1
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} is {found}, expected {requirement.specifier}")
    if wrong:
        return Finding("packages", "; ".join(wrong), INSTALL)
    return Finding("packages", f"all {count} installed in suitable versions")


def _tensorflow() -> Finding:
    # In its own process: on a processor that lacks an instruction, TensorFlow would crash this kernel.
    code = "import tensorflow as tf; print(tf.__version__, len(tf.config.list_physical_devices('GPU')), int(tf.constant(2) + 3))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["TF_CPP_MIN_LOG_LEVEL"] = "2"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, env=environment, encoding="utf-8"
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "TensorFlow", "did not start within three minutes", "close other programs and run this cell again"
        )
    answer = done.stdout.split()
    if done.returncode or answer[-1:] != ["5"]:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Finding("TensorFlow", f"does not start: {last[:200]}", INSTALL)
    gpus = int(answer[1])
    return Finding(
        "TensorFlow", f"{answer[0]} works, {f'{gpus} GPU' if gpus else 'on the processor (the labs need no GPU)'}"
    )


def _memory() -> Finding:
    import psutil

    available = psutil.virtual_memory().available / 1e9
    limit = pathlib.Path("/sys/fs/cgroup/memory.max")  # a container or a hub may allow less than the machine has
    if limit.is_file() and (text := limit.read_text(encoding="utf-8").strip()).isdigit():
        used = pathlib.Path("/sys/fs/cgroup/memory.current")
        available = min(available, (int(text) - (int(used.read_text(encoding="utf-8")) if used.is_file() else 0)) / 1e9)
    if available < MEMORY_GB:
        return Finding(
            "memory",
            f"{available:.1f} GB free, expected {MEMORY_GB:.0f} GB",
            "close other programs and other notebooks' kernels (menu Kernel, Shut Down All Kernels)",
        )
    return Finding("memory", f"{available:.1f} GB free")


def _cache() -> Finding:
    from data_fetch.store.cache import cache_folder

    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    advice = (
        "set the environment variable DATA_FETCH_DIR to a folder on a disk with enough space, then start JupyterLab"
    )
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding("data cache", f"{folder} cannot be written", advice)
    free = shutil.disk_usage(there).free / 1e9
    if free < DISK_GB:
        return Finding("data cache", f"{folder}: {free:.1f} GB free, expected {DISK_GB:.0f} GB", advice)
    sets = sorted(path.name for path in folder.glob("sets/*") if not path.name.startswith("."))
    return Finding("data cache", f"{folder} ({free:.0f} GB free; image sets: {', '.join(sets) or 'none yet'})")


def main(version: command_line.Version = False) -> None:
    """Check whether the labs will run on this computer; exits with status 1 if something needs to be fixed."""
    result = report()
    print(result)
    if not result.ready:
        raise typer.Exit(1)


if __name__ == "__main__":
    sys.exit(command_line.single(main, "python -m medxai.lab.environment"))
