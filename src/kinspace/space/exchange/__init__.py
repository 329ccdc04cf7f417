"""Rows on their way in and out: loads, exports, and a space as a table of other programs."""
