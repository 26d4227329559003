"""The sets of phantoms, by the name of their data set."""

from . import cardiomegaly, pneumothorax

SETS = {described.name: described for described in (cardiomegaly.SET, pneumothorax.SET)}
