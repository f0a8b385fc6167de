"""One cut, or a chain of blocks cut."""
