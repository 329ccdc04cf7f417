"""select … where … nearest … take: one builder over frames, spaces and whatever else has rows."""

from .select import Select, select
from .source import Rows, Source

__all__ = ["Rows", "Select", "Source", "select"]
