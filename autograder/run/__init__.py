"""Grades submissions: the assignments, the kernels in which students' code runs, and the results.

`assignment` reads a release or an nbgrader course, `kernel` runs the student's cells in a sandbox, `walk` takes one
submission through its kernels and checks, `calibration` determines which checks can run outside the kernel and
`kept_calibration` stores the result, `job` combines these, in this process or on another machine, and `grade` is the
command. The checks themselves are in `autograder.check`.
"""
