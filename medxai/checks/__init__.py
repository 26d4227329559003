"""Visible checks, a module for each lab: each takes the student's function and judges it by properties."""
