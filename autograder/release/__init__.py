"""Turns solutions into student material: notebooks, snapshot, student zip, and the proof that nothing leaks."""
