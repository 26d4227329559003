"""The commands of data-fetch."""
