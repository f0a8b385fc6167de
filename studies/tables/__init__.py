"""Figures as tables of texts: what stands in them, above and below, in every form."""
