"""Visible checks, one module per lab: each calls the student's function and tests its properties.

A check returns a message if it passes; otherwise it raises an AssertionError that names the failed property.
"""
