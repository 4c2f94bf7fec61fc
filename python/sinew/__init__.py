"""Sinew: an object in another process feels local, in Python and in C++."""

__version__ = "0.1.0"
