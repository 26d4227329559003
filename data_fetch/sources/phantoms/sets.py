"""The phantom sets, by the name of their data set."""

from . import cardiomegaly, pneumothorax

SETS = {described.name: described for described in (cardiomegaly.SET, pneumothorax.SET)}
