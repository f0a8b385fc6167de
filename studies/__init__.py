"""Many runs: comparisons and their rows; no pictures."""
