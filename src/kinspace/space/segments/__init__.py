"""Segments as they come and go: flush, compaction, what is made beside them, check and repair."""
