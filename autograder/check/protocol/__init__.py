"""What two sides of a socket share.

Between a check and a student's process: `flaws`, `wire` and `values`, which the student's kernel gets too (see `runner.responder_code`).
Between the grader and its checkers: `lines`, `limits`, `verdict` and `hidden`, of which no student's process has anything.
"""
