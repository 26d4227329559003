"""Starts counting at one.

loses: longest_run-2
told: The visible check passes
"""
def longest_run(flags):
    longest = run = 1
    for before, flag in zip(flags, flags[1:]):
        run = run + 1 if before and flag else 1
        longest = max(longest, run)
    return longest
