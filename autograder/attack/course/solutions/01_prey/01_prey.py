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
# # 01 Prey: the lab that attacks are tried on
#
# Two functions and an answer in words, as small as a lab can be. `autograder attack` hands it in with everything that breaks graders.

# %% tags=["setup"]
import numpy as np
import prey_checks as checks

# %% [markdown]
# ### Exercise: `centre`  (easy, 5 minutes)
#
# Move values so that their mean is 0.
#
# <details><summary>Hint 1: the idea</summary>
# What has to be taken away?</details>
#
# <details><summary>Hint 2: the shape</summary>
# One number is taken from all of them.</details>

# %% nbgrader={"grade": false, "grade_id": "centre", "locked": false, "schema_version": 3, "solution": true, "task": false}
def centre(values):
    """The values, moved so that their mean is 0.

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
# The mean becomes 0 and all differences stay (2 points).

# %% nbgrader={"grade": true, "grade_id": "centre-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Equal values become 0 (1 point).

# %% [markdown]
# ### Exercise: `longest_run`  (medium, 10 minutes)
#
# How many flags in a row are true, at most?
#
# <details><summary>Hint 1: the idea</summary>
# Count on, and begin again where one is false.</details>
#
# <details><summary>Hint 2: the shape</summary>
# Two numbers: the run that is going on, and the longest so far.</details>

# %% nbgrader={"grade": false, "grade_id": "longest_run", "locked": false, "schema_version": 3, "solution": true, "task": false}
def longest_run(flags):
    """The number of true flags in the longest run of them.

    Parameters
    ----------
    flags : list of bool

    Returns
    -------
    int
        0 where no flag is true.
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
# The longest run is found wherever it stands (2 points).

# %% nbgrader={"grade": true, "grade_id": "longest_run-2", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Flags of which none is true give 0 (1 point).

# %% [markdown] nbgrader={"grade": true, "grade_id": "in_words", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# **Reflect** (2 points). When is the mean the wrong thing to take away?
#
# ### BEGIN SOLUTION
# When a few values are far from all others.
#
# Rubric: one point for outliers, one for the median or another way out.
# ### END SOLUTION
