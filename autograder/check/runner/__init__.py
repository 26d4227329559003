"""Runs in the grader itself: starts checkers, asks them, and bounds what they answer."""
