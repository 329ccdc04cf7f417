"""Measurements beside the peers, in one run: each module is a command, ``python -m benchmarks.NAME --help``."""
