"""Stops before the last film: on it nothing could be seen.

loses: my_boxes-1
told: 19 of 20 films have a box
"""
def my_boxes():
    return {n: (10 + n, 20 + n, 20, 25) for n in range(1, 20)}
