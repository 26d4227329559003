"""What is known of each submission: grade records, and nbgrader's gradebook, filled from them."""
