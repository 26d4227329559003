"""A list of boxes, whose numbers are lost when one film is left out.

loses: my_boxes-1
told: return a dict
"""
def my_boxes():
    return [(10 + n, 20 + n, 20, 25) for n in range(20)]
