"""Exercises that an instructor left out of a course."""

from __future__ import annotations


class LeftOut(NotImplementedError):
    """Raised by the function of an exercise that is not part of this course (see `course.toml` in docs/instructors.md)."""

    def __init__(self, key: str):
        super().__init__(f"the exercise `{key}` is not part of this course")
        self.key = key
