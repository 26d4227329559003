"""The instructors' tools: build, reference, release, collect, grade, feedback, export, prove.

No part of this package reaches students. It never imports TensorFlow: networks run in a kernel, not here.
"""
