"""Alias of `medxai.networks.own_network`, kept for scripts outside the course."""

from .networks.own_network import load as load
