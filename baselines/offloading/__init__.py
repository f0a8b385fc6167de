"""Subtask by subtask."""
