"""Which rows: predicates over columns in one language with three front ends, and masks or row ids over arrays."""

from .bitmap import mask_or_rows, pack_bits
from .expression import Expression, col
from .names import check_column
from .params import params_key
from .predicate import Predicate, compile_predicate, conjunction, parse_filter, value_expression

__all__ = [
    "Expression",
    "Predicate",
    "check_column",
    "col",
    "compile_predicate",
    "conjunction",
    "mask_or_rows",
    "pack_bits",
    "params_key",
    "parse_filter",
    "value_expression",
]
