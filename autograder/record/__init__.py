"""Grade records, one for each submission, and nbgrader's gradebook, which is filled from them."""
