"""The RPyC release whose face this package shows; peers compare the first number of it."""

version = ("6", "0", "2")
__version__ = ".".join(version)
release_date = "2024-04-18"
