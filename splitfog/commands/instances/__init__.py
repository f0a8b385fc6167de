"""Commands that make, change and check instances."""
