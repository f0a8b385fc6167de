"""Makes the bundled instances; measures nothing."""
