"""The reference: what a plan costs and breaks, plain and obviously right."""
