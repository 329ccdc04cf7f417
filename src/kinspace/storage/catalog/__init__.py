"""The SQLite files: one for the hub's names, one for each space. The only place that knows SQLite."""

from .database import Database
from .hub import HubCatalog
from .space import LogEntry, SegmentEntry, SpaceCatalog, State, TombstoneEntry

__all__ = ["Database", "HubCatalog", "LogEntry", "SegmentEntry", "SpaceCatalog", "State", "TombstoneEntry"]
