"""The version, for whoever names it without importing the face."""

__version__ = "0.1.0"
