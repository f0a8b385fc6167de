"""Policies over one figure and plan tables over several: made, shown and looked up."""
