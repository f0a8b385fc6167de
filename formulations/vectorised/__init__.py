"""The costs of many placements at once, in JAX."""
