"""Runs next to the student's code, in their kernel: untrusted."""
