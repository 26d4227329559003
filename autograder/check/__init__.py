"""Checks outside the student's process: the instructor's check runs in one process, the student's function in another.

Each subpackage runs on one side of the trust boundary. `student` runs next to the student's code, in their kernel, which may
tamper with it. `checker` is trusted code, but in a sandbox, because it interprets values returned by students. `runner` is part
of the grader itself: it starts and queries checkers, and validates their replies. `protocol` is shared by both sides of a socket.
The rules for instructors are in docs/checks.md.
"""
