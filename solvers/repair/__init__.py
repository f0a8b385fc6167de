"""A plan for `mean-latency` repaired after a change of the fog, rather than made anew."""
