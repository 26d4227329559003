"""Checks outside the student's process: the instructor's check runs in one process, the student's function in another.

The folder says on which side of the trust boundary a line runs. `student` runs beside the student's code, in their kernel, and
may have been changed by it. `checker` is trusted code in a sandbox, because it interprets what students return. `runner` is part of
the grader itself: it starts checkers, asks them, and bounds what they answer. `protocol` is what both sides of a socket share.
The contract for instructors is docs/checks.md.
"""
