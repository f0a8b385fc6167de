"""A node: its parts, what comes in, what it does with it, as a process of its own."""
