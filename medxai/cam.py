"""Alias of `medxai.explain.cam`, kept for scripts outside the course."""

from .explain.cam import bias as bias
from .explain.cam import enlarge as enlarge
from .explain.cam import finer_layer as finer_layer
from .explain.cam import maps as maps
