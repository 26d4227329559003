"""Returns the last run, not the longest.

loses: longest_run-1
told: by hand the longest run is 2
"""
def longest_run(flags):
    run = 0
    for flag in flags:
        run = run + 1 if flag else 0
    return run
