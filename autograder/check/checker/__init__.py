"""Runs in the checker's sandbox: trusted code that interprets what students return."""
