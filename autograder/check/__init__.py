"""Checks outside the student's process: the instructor's check runs here, the student's function there.

`wire` and `values` carry plain data between the two, `networks` carries Keras models. `responder` is the student's end.
`names`, `channel`, `standins` and `checker` are the instructor's: what a check cell sees, how it calls, what it earns. `server` runs
them, a child process for each submission, `host` puts the servers into a sandbox, and `calibration` decides which cells of an
assignment can run this way.
The contract for instructors is docs/outside.md.
"""
