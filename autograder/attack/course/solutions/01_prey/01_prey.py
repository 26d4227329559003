# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Prey: the attacked lab
#
# Two functions and a written answer, the smallest possible lab. `autograder attack` hands it in in every way that breaks graders.

# %% tags=["setup"]
import numpy as np
import prey_checks as checks

# %% [markdown]
# ### Exercise: `centre`  (easy, 5 minutes)
#
# Shift values so that their mean is 0.
#
# <details><summary>Hint 1: the idea</summary>
# What must be subtracted?</details>
#
# <details><summary>Hint 2: the shape</summary>
# The same number is subtracted from all values.</details>

# %% nbgrader={"grade": false, "grade_id": "centre", "locked": false, "schema_version": 3, "solution": true, "task": false}
def centre(values):
    """The values, shifted so that their mean is 0.

    Parameters
    ----------
    values : float array, (N,)

    Returns
    -------
    float array, (N,)
    """
    ### BEGIN SOLUTION
    return values - values.mean()
    ### END SOLUTION

# %% tags=["check"]
checks.centre(centre)

# %% nbgrader={"grade": true, "grade_id": "centre-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The mean becomes 0 and all differences are unchanged (2 points).

# %% nbgrader={"grade": true, "grade_id": "centre-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Equal values become 0 (1 point).

# %% [markdown]
# ### Exercise: `longest_run`  (medium, 10 minutes)
#
# What is the largest number of consecutive true flags?
#
# <details><summary>Hint 1: the idea</summary>
# Count up, and start again at a false flag.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Two numbers: the length of the current run, and the longest so far.</details>

# %% nbgrader={"grade": false, "grade_id": "longest_run", "locked": false, "schema_version": 3, "solution": true, "task": false}
def longest_run(flags):
    """The length of the longest run of true flags.

    Parameters
    ----------
    flags : list of bool

    Returns
    -------
    int
        0 if no flag is true.
    """
    ### BEGIN SOLUTION
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest
    ### END SOLUTION

# %% tags=["check"]
checks.longest_run(longest_run)

# %% nbgrader={"grade": true, "grade_id": "longest_run-1", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The longest run is found at any position (2 points).

# %% nbgrader={"grade": true, "grade_id": "longest_run-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Flags without a true one give 0 (1 point).

# %% [markdown] nbgrader={"grade": true, "grade_id": "in_words", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **Reflect** (2 points). When should you not subtract the mean?
#
# ### BEGIN SOLUTION
# If there are a few outliers.
#
# Rubric: one point for outliers, one for the median or another alternative.
# ### END SOLUTION
