"""Boxes in pixels of the film, not in per cent.

loses: my_boxes-1
told: in per cent of the film
"""
def my_boxes():
    return {n: (60 + n, 20 + n, 40, 81) for n in range(1, 21)}
