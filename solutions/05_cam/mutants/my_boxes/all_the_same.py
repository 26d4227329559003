"""One box, copied twenty times.

loses: my_boxes-1
told: most boxes are the same
"""
def my_boxes():
    return {n: (10, 10, 30, 30) for n in range(1, 21)}
