"""Geometry of slices; knows no instance and no cost."""
