"""What a course is: a folder of labs by our contract, or any course of nbgrader's."""
