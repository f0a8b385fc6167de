"""splitfog as a program: its start, its studies and pages, and whether it keeps time limits."""
