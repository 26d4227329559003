"""How to fix what prevents this machine from creating sandboxes."""

from __future__ import annotations

import os

_FORBIDDING = {
    "/proc/sys/user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=15000"),
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu; or give bwrap and this Python AppArmor "
        "profiles with the rule `userns,`)",
    ),
}


def of(step: str, said: str) -> str:
    """Advice for the step that failed, from the system's message and its settings."""
    if step == "imports":
        return "The zygote could not import a module. Remove it from metadata.warmkernel.preload, or install it."
    if "execvp" in said:
        return (
            "The sandbox shows only the Python environment; list further folders it needs in metadata.warmkernel.show."
        )
    if "mount proc" in said and "not permitted" in said:
        return (
            "Parts of /proc are masked here, as in a container, and Linux then does not let an ordinary user mount another "
            "/proc. Docker: --security-opt systempaths=unconfined. Kubernetes: procMount Unmasked. An outer bubblewrap: "
            "--bind /proc /proc instead of --proc."
        )
    found = [f"{name} is {value}: {cure}" for name, (value, cure) in _FORBIDDING.items() if _read(name) == value]
    if found:
        return " ".join(found)
    if "namespace" in step and "No space left" in said:
        return "No more user namespaces are allowed; two levels are needed: sysctl -w user.max_user_namespaces=15000"
    if _in_container():
        return (
            "This is a container whose security profile forbids it. Docker: --security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined. Kubernetes: seccompProfile Unconfined and "
            "procMount Unmasked."
        )
    if step in ("namespaces", "second user namespace", "bubblewrap", "proc"):
        return "User namespaces must be allowed, two levels deep: sysctl -w user.max_user_namespaces=15000"
    return "See docs/warmkernel.md; if it does not help, report this text."


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None


def _in_container() -> bool:
    marks = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
    filtered = "Seccomp:\t2" in (_read("/proc/self/status") or "")
    return filtered or any(os.path.exists(mark) for mark in marks) or "container" in os.environ
