"""All optima over a range of one figure."""
