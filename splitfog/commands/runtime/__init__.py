"""Commands that put the parts of a split model to work."""
