"""Tools for authors of labs: reading sources, enforcing the rules, building notebooks, and proving the checks."""
