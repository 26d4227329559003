"""Grades submissions: what they are graded against, the kernels in which their code runs, and what comes of it.

`assignment` reads what a release or an nbgrader course says, `kernel` runs the student's cells in a sandbox, `walk` leads one
submission over its kernels and its checks, `calibration` finds out which checks can run outside the kernel and
`kept_calibration` remembers it, `job` puts them together, in this process or in one on another machine, and `grade` is the
command. The checks themselves are in `autograder.check`.
"""
