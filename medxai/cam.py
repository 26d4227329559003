"""The name under which scripts outside the course import `medxai.explain.cam`."""

from .explain.cam import bias as bias
from .explain.cam import enlarge as enlarge
from .explain.cam import finer_layer as finer_layer
from .explain.cam import maps as maps
