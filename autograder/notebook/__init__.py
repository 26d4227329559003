"""Notebooks as cells: the trusted copy with a student's sources in it, and what its code cells say."""
