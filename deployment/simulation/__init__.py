"""A plan under streams of requests."""
