"""NIH ChestX-ray14: its index, the choice of films, and their way out of the archives."""
