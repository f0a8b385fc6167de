"""DINA whole: partition, offloading, their loop, and best responses."""
