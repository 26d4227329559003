"""What only instructors have: build, reference, release, collect, grade, feedback, export, prove.

Nothing of this package reaches a student. It never imports TensorFlow: a network runs in a kernel, not here.
"""

import sys

# jsonschema, which nbformat imports, would import this one, and that compiles a grammar for three seconds: for formats of
# addresses that occur in no notebook. Without it jsonschema leaves those formats unchecked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
