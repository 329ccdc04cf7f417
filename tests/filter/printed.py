"""A tree as each front end writes it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import kinspace as ks
from kinspace.filter.tree import (
    And,
    Arithmetic,
    Call,
    Column,
    Compare,
    Constant,
    Elements,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
)

OPERATORS = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}


def as_sql(node: Node) -> tuple[str, dict[str, Any]]:
    """The text, and its parameters: what SQL has no literal for."""
    params: dict[str, Any] = {}

    def given(value: Any) -> str:
        name = f"p{len(params)}"
        params[name] = value
        return f":{name}"

    def constant(value: Any) -> str:
        match value:
            case None:
                return "NULL"
            case bool():
                return str(value).upper()
            case int():
                return str(value)
            case float() if abs(value) < 1e308:
                return repr(value)
            case str():
                return "'" + value.replace("'", "''") + "'"
            case dt.datetime():
                return f"TIMESTAMP '{value.isoformat(' ')}'"
            case dt.date():
                return f"DATE '{value}'"
            case dt.time():
                return f"TIME '{value}'"
        return given(value)

    def write(node: Any) -> str:
        match node:
            case Column(path):
                return ".".join(part if part.isidentifier() else f'"{part}"' for part in path)
            case Constant(value):
                return constant(value)
            case Compare(sign, left, right):
                return f"({write(left)} {sign} {write(right)})"
            case In(value, options):
                if options and len(options) < 3:
                    return f"({write(value)} IN ({', '.join(map(constant, options))}))"
                return f"({write(value)} IN {given(options)})"
            case IsNull(value):
                return f"({write(value)} IS NULL)"
            case Like(value, pattern, ignore_case):
                return f"({write(value)} {'I' * ignore_case}LIKE {constant(pattern)})"
            case Elements(quantifier, value, sign, operand):
                flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
                return f"({constant(operand)} {flipped} {quantifier}({write(value)}))"
            case And(terms):
                return f"({' AND '.join(map(write, terms))})"
            case Or(terms):
                return f"({' OR '.join(map(write, terms))})"
            case Not(term):
                return f"(NOT {write(term)})"
            case Arithmetic(operation, left, right):
                return f"({write(left)} {operation} {write(right)})"
            case Call(function, arguments):
                return f"{function}({', '.join(map(write, arguments))})"
        raise AssertionError(node)

    return write(node), params


def as_expression(node: Any) -> Any:
    """The ks.col expression; a constant is the value itself."""
    match node:
        case Column((name,)):
            return ks.col(name)
        case Column((name, field)):
            return ks.col(name).field(field)
        case Constant(value):
            return value
        case Compare(sign, left, right):
            return signed(sign, lifted(left), as_expression(right))
        case In(value, options):
            return lifted(value).is_in(options)
        case IsNull(value):
            return lifted(value).is_null()
        case Like(value, pattern, ignore_case):
            return lifted(value).ilike(pattern) if ignore_case else lifted(value).like(pattern)
        case Elements(quantifier, value, sign, operand):
            return signed(sign, getattr(lifted(value), quantifier)(), operand)
        case And((first, *rest)):
            found = lifted(first)
            for term in rest:
                found = found & lifted(term)
            return found
        case Or((first, *rest)):
            found = lifted(first)
            for term in rest:
                found = found | lifted(term)
            return found
        case Not(term):
            return ~lifted(term)
        case Arithmetic(operation, left, right):
            a, b = lifted(left), as_expression(right)
            match operation:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
            return a % b
        case Call(function, (one, *rest)):
            return lifted(one)._call(function, *map(as_expression, rest))
    raise AssertionError(node)


def lifted(node: Any) -> ks.filter.Expression:
    """As an expression even if it is a constant."""
    return ks.filter.Expression(node) if isinstance(node, Constant) else as_expression(node)


def signed(sign: str, a: Any, b: Any) -> Any:
    match sign:
        case "=":
            return a == b
        case "!=":
            return a != b
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
    return a >= b


def as_mapping(node: Any) -> dict[str, Any]:
    """The mapping; of the trees that mappings can say."""
    match node:
        case Compare(sign, Column(path), Constant(value)):
            return {".".join(path): {OPERATORS[sign]: value}}
        case In(Column(path), options):
            return {".".join(path): {"$in": list(options)}}
        case Not(IsNull(Column(path))):
            return {".".join(path): {"$exists": True}}
        case IsNull(Column(path)):
            return {".".join(path): {"$exists": False}}
        case Like(Column(path), pattern, ignore_case):
            return {".".join(path): {"$ilike" if ignore_case else "$like": pattern}}
        case Elements("any", Column(path), "=", value) | Call("contains", (Column(path), Constant(value))):
            return {".".join(path): {"$contains": value}}
        case And(terms):
            return {"$and": [as_mapping(term) for term in terms]}
        case Or(terms):
            return {"$or": [as_mapping(term) for term in terms]}
        case Not(term):
            return {"$not": as_mapping(term)}
    raise AssertionError(node)
