"""nbgrader's settings for this course, read by nbgrader itself and by formgrader: those that `autograder` has.

The order of things: solutions/ (instructor) -> notebooks/ (released) -> submitted/ -> autograded/ -> feedback/.
Only solutions/ and notebooks/ are in git.
"""

from autograder.course.nbgrader_settings import settings

c = get_config()  # noqa: F821 (traitlets defines it)
c.merge(settings())
