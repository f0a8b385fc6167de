"""The bound on `latency` over all plans: how fast stages could possibly be on the clock."""
