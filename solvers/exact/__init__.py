"""Proofs over placements, for latency and period."""
