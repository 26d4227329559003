"""Code shared by both sides of a socket.

Between a check and a student's process: `flaws`, `wire` and `values`, which are also loaded into the student's kernel (see `runner.responder_code`).
Between the grader and its checkers: `lines`, `limits`, `verdict` and `hidden`, which no student's process gets.
"""
