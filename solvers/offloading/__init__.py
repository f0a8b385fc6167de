"""Given subtasks, or catalogues of them, put on nodes."""
