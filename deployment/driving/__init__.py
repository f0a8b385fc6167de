"""Requests through parts that processes hold: sent, heard of, measured beside what is predicted."""
