"""From solutions to what students get: notebooks, snapshot, student zip, and the proof that nothing leaks."""
