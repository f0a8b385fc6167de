"""Decoder-only language models: their shapes, and what a request to one costs, block by block."""
