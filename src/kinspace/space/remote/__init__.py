"""Spaces under a URL: published, read where they are, pulled."""
