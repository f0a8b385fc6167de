"""Logs of networks and nodes, as others write them, read into traces."""
