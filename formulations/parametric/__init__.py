"""One figure of an instance varies."""
