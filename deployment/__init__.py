"""A plan put to work: simulation now, later real models."""
