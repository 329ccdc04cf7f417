"""Approximate search beside every peer PyPI has: ``python -m benchmarks.compare --help``."""
