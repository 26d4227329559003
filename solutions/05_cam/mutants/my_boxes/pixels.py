"""Boxes in pixels of the film, not in per cent.

loses: my_boxes-1
told: in per cent of the film
"""
def my_boxes():
    return {n: (90 + n, 20 + n, 30, 50) for n in range(1, 21)}
