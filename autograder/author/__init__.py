"""For those who write labs: sources are read, held to the rules, built into notebooks, and proved."""
