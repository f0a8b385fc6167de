"""The reference: what a decision costs and breaks, plain and obviously right."""
