"""Contiguous splits for throughput."""
