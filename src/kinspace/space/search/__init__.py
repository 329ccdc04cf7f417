"""Searches of a view: their orders and hits, pairs of rows, selects, and what searches find."""
