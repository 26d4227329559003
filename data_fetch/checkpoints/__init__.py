"""The weights and cards that come with the course, and the code that finds, checks and packs checkpoints."""
