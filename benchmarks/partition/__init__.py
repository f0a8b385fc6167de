"""One network over the tiers: how fast it is split, and how well."""
