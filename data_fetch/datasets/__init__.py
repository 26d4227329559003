"""The data sets: one module for each fetch_* function, and shared code."""
