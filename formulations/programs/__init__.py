"""Cuts and 0-1 programs, each with the way back to a plan."""
