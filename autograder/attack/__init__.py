"""`autograder attack`: submissions that break graders, and the guarantees that must hold for each of them.

`course` is the lab that they are submitted to. `kinds` defines a kind of attack; `answers`, `notebooks` and `folders` contain the
kinds that share a class with honest neighbours, `scenarios` those that need a separate class or collection. `must_hold`
determines what an attack changed, and `attack` creates the class, grades it with the real grader and reports what held.
"""
