"""Several criteria at once."""
