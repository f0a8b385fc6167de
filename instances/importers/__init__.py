"""Other formats read into instances."""
