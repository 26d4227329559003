"""Counts all true flags.

loses: longest_run-1
told: by hand the longest run is 2
"""
def longest_run(flags):
    return sum(flags)
