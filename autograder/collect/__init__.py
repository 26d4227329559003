"""Collects students' submissions into submitted/ and reads them from there. They are never trusted."""
