"""A plan put to work: simulation of plans, and later real models."""
