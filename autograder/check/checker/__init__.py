"""Runs in the checker's sandbox: trusted code that interprets values returned by students."""
