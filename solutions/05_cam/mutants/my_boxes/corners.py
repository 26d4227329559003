"""Two corners of the box, as many tools write it, and not a corner with width and height.

loses: my_boxes-1
told: rather than the opposite corner
"""
def my_boxes():
    return {n: (30 + n, 20 + n, 75 + n, 60 + n) for n in range(1, 21)}
