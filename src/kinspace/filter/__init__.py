"""Which rows: predicates over columns, and masks or row ids over arrays."""

from .bitmap import mask_or_rows, pack_bits
from .predicate import Predicate, compile_predicate
from .sql import tells_the_time

__all__ = ["Predicate", "compile_predicate", "mask_or_rows", "pack_bits", "tells_the_time"]
