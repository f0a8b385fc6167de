"""Stable matching by itself, behind `splitfog.matching`."""
