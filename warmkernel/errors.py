"""Readable errors: which step failed, the system's message, and how to fix it."""

from __future__ import annotations


class WarmkernelError(Exception):
    """Base class of all errors that are shown as a message instead of a traceback."""


class SettingsError(WarmkernelError):
    """A kernelspec asks for something that does not exist."""


class SandboxError(WarmkernelError):
    """No sandbox could be created, so no kernel runs.

    Attributes
    ----------
    step : str
        The step that failed, such as "namespaces".
    said : str
        The system's message.
    advice : str
        How to fix it.
    """

    def __init__(self, step: str, said: str, advice: str) -> None:
        self.step, self.said, self.advice = step, said, advice
        super().__init__(
            f"No sandbox can be created here, so no kernel was started (nothing runs unsandboxed).\n"
            f"Failed step: {step}\nSystem message: {said}\nHow to fix it: {advice}"
        )
