"""What a caller may call a vector or a column, as float32: the one border where arrays of any kind come in."""

from .column import Block, Column
from .cut import Cut
from .sources import as_column, as_matrix, is_column
from .vector import BEYOND, as_query, as_vector

__all__ = ["BEYOND", "Block", "Column", "Cut", "as_column", "as_matrix", "as_query", "as_vector", "is_column"]
