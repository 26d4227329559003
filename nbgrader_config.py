"""nbgrader's settings for this course, read by nbgrader itself and by `autograder`.

The order of things: solutions/ (instructor) -> notebooks/ (released) -> submitted/ -> autograded/ -> feedback/.
Only solutions/ and notebooks/ are in git.
"""

c = get_config()  # noqa: F821 (traitlets defines it)

c.CourseDirectory.course_id = "medxai"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"

# nbgrader copies whatever lies beside a notebook. These hold answers, hidden checks, what a
# run leaves behind, and the build's own files.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "__pycache__",
    "*.pyc",
    "*_extracted",
    "desktop.ini",
    ".DS_Store",
    "*.py",
    "hidden",
    "mutants",
    "release.toml",
    "guide.md",
    "*.keras",
    "my_boxes.txt",
    "maps",
    "quiz-*.json",
    "poll-*.json",
    "feedback",
]

# A student sees an error that says what it is, and a text cell that says where to write.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"

# nbgrader's 30 s a cell are too few for the first import of TensorFlow on a busy machine.
c.Execute.timeout = 600
