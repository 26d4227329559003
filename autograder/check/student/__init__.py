"""Runs beside the student's code, in their kernel: untrusted, whatever it says."""
