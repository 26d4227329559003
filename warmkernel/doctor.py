"""Starts a kernel step by step: the zygote, its sandbox, a kernel in its sandbox, a cell."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory

from . import kernelspec, pool, sandbox, settings
from .errors import SandboxError, WarmkernelError
from .provisioner import WarmProvisioner
from .visible_files import ENTRY_POINT


def report(kernel: str | None = None) -> int:
    """Print what works, or the step that failed, the system's message and how to fix it.

    Parameters
    ----------
    kernel : str, optional
        The kernelspec whose settings are tried. Default: those of a fresh `install`.

    Returns
    -------
    int
        The exit status: 0, or 1 if no sandbox can be created.

    Raises
    ------
    WarmkernelError
        If something else is wrong, such as an unknown kernelspec.
    """
    try:
        for line in walk(kernel):
            print(line, flush=True)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        pool.close_all()
    print("works: notebooks that use this kernelspec each run in their own sandbox")
    return 0


def walk(kernel: str | None = None) -> Iterator[str]:
    """Yield a line for each step that works.

    Raises
    ------
    SandboxError
        For the step that fails.
    WarmkernelError
        If something else is wrong, such as an unknown kernelspec.
    """
    if platform.system() != "Linux":
        raise SandboxError(
            "system", f"this is {platform.system()}", "Sandboxed kernels need Linux (a virtual machine is enough)."
        )
    yield f"ok: bubblewrap is {sandbox.find_bubblewrap()}"
    spec = _specification(kernel)
    chosen = settings.read(spec.metadata)
    started = time.monotonic()
    pool.get(chosen, spec.env)
    yield f"ok: the zygote is in its sandbox and was warm after {time.monotonic() - started:.1f} s"
    with tempfile.TemporaryDirectory() as folder:
        manager = KernelManager(
            connection_file=str(Path(folder) / "kernel.json"), kernel_spec_manager=kernelspec.OneKernelspec(spec)
        )
        started = time.monotonic()
        manager.start_kernel(cwd=folder)
        try:
            _run_first_cell(manager)
            yield f"ok: a kernel is in its sandbox and answered after {time.monotonic() - started:.2f} s"
            assert isinstance(manager.provisioner, WarmProvisioner)
            memory_by = manager.provisioner.memory_by
        finally:
            manager.shutdown_kernel(now=True)
    if memory_by == "cgroup":
        yield "ok: the memory limit is enforced by a cgroup"
    else:
        yield "ok: the memory limit is enforced by the watcher (no cgroup is delegated; see docs/warmkernel.md, Memory)"
    yield "limits: " + ", ".join(f"{name} {_pretty(name, value)}" for name, value in asdict(chosen.limits).items())


def _specification(name: str | None) -> KernelSpec:
    own = KernelSpec(**kernelspec.specification(settings.Settings()))
    if not KernelProvisionerFactory.instance().is_provisioner_available(own):
        raise WarmkernelError(
            f"jupyter_client does not find the provisioner {ENTRY_POINT}: the installed distribution lacks its entry point. "
            f"Reinstall it with {sys.executable} -m pip install."
        )
    if name is None:
        return own
    try:
        spec = KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        raise WarmkernelError(
            f"There is no kernelspec {name!r}. Run: python -m warmkernel install --name {name}"
        ) from None
    if spec.metadata.get("kernel_provisioner", {}).get("provisioner_name") != ENTRY_POINT:
        raise WarmkernelError(
            f"The kernelspec {name!r} ({spec.resource_dir}) does not use warmkernel: its kernels are not sandboxed."
        )
    return spec


def _run_first_cell(manager: KernelManager) -> None:
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        said: list[str] = []
        code = "import os; print(os.getuid(), os.getpid())"
        client.execute_interactive(code, timeout=60, output_hook=lambda m: said.append(m["content"].get("text", "")))
    except (RuntimeError, TimeoutError) as error:
        raise SandboxError("first cell", str(error), "Report this text.") from error
    finally:
        client.stop_channels()
    if "".join(said).split() != ["1000", "2"]:
        raise SandboxError(
            "first cell", "".join(said), "The kernel has the wrong user or process number. Report this text."
        )


def _pretty(name: str, value: float) -> str:
    if isinstance(value, int) and value >= 2**20:
        return f"{value / 2**20:,.0f} MiB"
    return f"{value:,g}" + " s" * (name == "wall")
