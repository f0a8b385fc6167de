"""Proofs of the makespan."""
