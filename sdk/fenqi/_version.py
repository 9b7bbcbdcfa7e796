"""The version of SDK and server, which are released together."""

__version__ = "0.1.0"
