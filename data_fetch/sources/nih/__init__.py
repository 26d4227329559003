"""NIH ChestX-ray14: its index, the choice of films, and their extraction from the archives."""
