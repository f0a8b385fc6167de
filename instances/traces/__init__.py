"""Traces: figures of links and nodes that change with time, their files, where they are from."""
