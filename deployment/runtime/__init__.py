"""Parts as processes: one a node, links paced, measured beside what was predicted."""
