"""select … where … nearest … take: one builder over frames, spaces and whatever else has rows."""

from .begin import select
from .page import Page
from .select import Select
from .source import Rows, Search, Source

__all__ = ["Page", "Rows", "Search", "Select", "Source", "select"]
