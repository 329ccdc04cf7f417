"""Bytes on disk: segments (Zarr, Arrow IPC) and the SQLite catalog. Knows nothing of search."""
