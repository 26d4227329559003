"""Visible checks, a module for each lab: each takes the student's function and judges it by properties.

A check returns a sentence, or raises AssertionError, which names the property that does not hold.
"""
