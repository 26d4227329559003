"""Errors for people: which step failed, what the system said, and how to mend it."""

from __future__ import annotations


class WarmkernelError(Exception):
    """Base of every error that is shown as a message instead of a traceback."""


class SettingsError(WarmkernelError):
    """A kernelspec asks for something that there is not."""


class SandboxError(WarmkernelError):
    """No sandbox could be made, so no kernel runs.

    Attributes
    ----------
    step : str
        What was tried, such as "namespaces".
    said : str
        What the system answered.
    advice : str
        How to mend it.
    """

    def __init__(self, step: str, said: str, advice: str) -> None:
        self.step, self.said, self.advice = step, said, advice
        super().__init__(
            f"No sandbox can be made here, so no kernel was started (nothing runs without one).\n"
            f"Failed step: {step}\nThe system said: {said}\nHow to mend it: {advice}"
        )
