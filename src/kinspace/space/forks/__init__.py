"""Spaces made of spaces: copied, embedded anew, compared and merged."""
