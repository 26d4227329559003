"""Courses: a folder of labs that follow our rules, or any nbgrader course."""
