"""Heuristics for any objective, and what they start from."""
