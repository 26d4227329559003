"""Runs in the grader itself: starts and queries checkers, and validates their replies."""
