"""What layers take on a machine: measured, read from other profilers, and predicted."""
