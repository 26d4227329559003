"""Submissions that break graders, and what must hold for every one of them: `autograder attack`.

`course` is the lab that they are submissions of. `kinds` says what a kind of attack is; `answers`, `notebooks` and `folders` hold
the kinds that go into one class of good neighbours, `scenarios` those that need a class, or a collection, of their own. `must_hold`
finds out what an attack changed, `attack` makes the class, grades it with the real grader and tells what held.
"""
