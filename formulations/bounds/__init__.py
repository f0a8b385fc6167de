"""What no plan can be below, and why there is none."""
