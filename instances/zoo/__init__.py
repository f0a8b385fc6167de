"""Published network architectures, built from shapes alone (no weights needed)."""
