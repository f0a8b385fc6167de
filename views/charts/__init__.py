"""Figures: fronts, policies."""
