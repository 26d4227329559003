"""Grades one submission: what it is graded against, the kernel in which its code runs, and what comes of it.

`assignment` reads what a release or an nbgrader course says, `kernel` runs the student's cells in a sandbox, `calibrated` finds out
and remembers which checks can run outside that kernel, `job` puts them together, in this process or in one on another machine.
The checks themselves, and the rules by which they see the student's work, are in `autograder.outside`.
"""
