"""Trade-offs between objectives."""
