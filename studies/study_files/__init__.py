"""Studies as files: what a file says, read strictly, and what it comes to."""
