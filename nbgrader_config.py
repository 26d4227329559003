"""nbgrader's settings for this course, read by nbgrader and formgrader: the same as those of `autograder`.

Folders in order: solutions/ (instructor) -> notebooks/ (released) -> submitted/ -> autograded/ -> feedback/.
Only solutions/ and notebooks/ are in git.
"""

from autograder.course.nbgrader_settings import settings

c = get_config()  # noqa: F821 (traitlets defines it)
c.merge(settings())
