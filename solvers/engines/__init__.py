"""Foreign engines made to repeat themselves, keep limits and stop."""
