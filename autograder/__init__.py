"""What only instructors have: build, reference, release, collect, grade, feedback, export, prove.

Nothing of this package reaches a student. It never imports TensorFlow: a network runs in a kernel, not here.
"""
