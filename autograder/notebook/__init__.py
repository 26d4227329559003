"""Notebooks as cells: the trusted copy with a student's sources, and the analysis of its code cells."""
