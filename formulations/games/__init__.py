"""Subtasks and nodes as players, and the audit of what they reach."""
