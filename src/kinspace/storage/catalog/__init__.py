"""The SQLite files: one for the hub's names, one for each space. The only place that knows SQLite."""

from .database import Database
from .entries import LogEntry, SegmentEntry, SnapshotEntry, State, Tally, TombstoneEntry
from .hub import HubCatalog
from .space import SpaceCatalog

__all__ = [
    "Database",
    "HubCatalog",
    "LogEntry",
    "SegmentEntry",
    "SnapshotEntry",
    "SpaceCatalog",
    "State",
    "Tally",
    "TombstoneEntry",
]
