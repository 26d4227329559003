"""The kernelspec with which Jupyter tools request a warm kernel: its content, and where it is written."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from . import settings
from .visible_files import ENTRY_POINT

NAME, DISPLAY_NAME = "warmkernel", "Python 3 (warm, sandboxed)"


def specification(
    chosen: settings.Settings, display_name: str = DISPLAY_NAME, env: dict[str, str] | None = None
) -> dict[str, object]:
    """The contents of kernel.json."""
    return {
        # Run by tools without provisioner support: prints a message and starts nothing.
        "argv": ["python", "-m", "warmkernel", "kernel", "{connection_file}"],
        "display_name": display_name,
        "language": "python",
        "interrupt_mode": "signal",
        "env": env or {},
        "metadata": {
            "debugger": False,
            "kernel_provisioner": {"provisioner_name": ENTRY_POINT},
            **settings.as_metadata(chosen),
        },
    }


def install(
    chosen: settings.Settings,
    name: str = NAME,
    display_name: str = DISPLAY_NAME,
    env: dict[str, str] | None = None,
    user: bool = False,
    prefix: str | None = None,
) -> Path:
    """Write the kernelspec where Jupyter looks for it: for this user, in `prefix`, or for the whole system.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    SettingsError
        If the settings are invalid.
    OSError
        If the folder cannot be written.
    """
    settings.read(settings.as_metadata(chosen))
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(specification(chosen, display_name, env), indent=1)
        (Path(folder) / "kernel.json").write_text(text + "\n", encoding="utf-8")
        os.chmod(folder, 0o755)
        return Path(KernelSpecManager().install_kernel_spec(folder, name, user=user, prefix=prefix))


class OneKernelspec(KernelSpecManager):
    """Gives a `KernelManager` a kernelspec that is not installed: `KernelManager(kernel_spec_manager=OneKernelspec(spec))`.

    Parameters
    ----------
    spec : KernelSpec
        Returned for every name.
    """

    def __init__(self, spec: KernelSpec) -> None:
        super().__init__()
        self._spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec, whatever the name."""
        return self._spec
