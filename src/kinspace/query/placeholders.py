"""The places in a SQL text where values go: found, given one form, and filled. A value is never put into the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot.tokenizer_core import Token, TokenType

from ..errors import InvalidInput

_FORMS = ":name, %(name)s, $1, ? or %s"
_OPERANDS = {TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING, TokenType.R_PAREN}


@dataclass(frozen=True, slots=True)
class Placeholders:
    """The names of a statement's parameters, as the text has them now: ``_name``, or ``_1``, ``_2`` by position."""

    names: tuple[str, ...]
    by_position: bool

    def bind(self, params: Any) -> dict[str, Any]:
        """The value of each name.

        Raises
        ------
        InvalidInput
            If params is not what the placeholders need, one of them is missing, or one is not used.
        """
        if params is None:
            params = () if self.by_position else {}
        whole = isinstance(params, Sequence) and not isinstance(params, (str, bytes))
        if (self.names and self.by_position != whole) or not (whole or isinstance(params, Mapping)):
            wanted = "a list, one value for each place" if self.by_position else "a mapping of names to values"
            raise InvalidInput(f"params is {wanted} here; got {type(params).__name__}")
        given = {f"_{n}": value for n, value in enumerate(params, 1)} if whole else {f"_{n}": params[n] for n in params}
        missing = [name[1:] for name in self.names if name not in given]
        unused = [name[1:] for name in given if name not in self.names]
        if missing:
            raise InvalidInput(f"no value is given for parameter {', '.join(missing)}; params gives: {_listed(given)}")
        if unused:
            raise InvalidInput(f"parameter {unused[0]:.60} is given and not used; the text has: {_listed(self.names)}")
        return given


def find_placeholders(text: str, tokens: Sequence[Token]) -> tuple[str, Placeholders]:
    """Return the text with every placeholder as ``:_name`` or ``:_1``, and their names.

    Raises
    ------
    InvalidInput
        If some are told by names and others by their places.
    """
    pieces: list[str] = []
    names: dict[str, None] = {}
    kinds: set[str] = set()
    end = at = count = 0
    while at < len(tokens):
        found = _placeholder(tokens, at)
        if found is None:
            at += 1
            continue
        name, width = found
        kinds.add("numbers" if name.isdecimal() else "names" if name else "places")
        if not name:
            count += 1
            name = str(count)
        names[f"_{name}"] = None
        pieces += [text[end : tokens[at].start], f":_{name}"]
        end = tokens[at + width - 1].end + 1
        at += width
    if len(kinds) > 1:
        raise InvalidInput(f"the parameters of a statement are written one way: {_FORMS}; got {' and '.join(kinds)}")
    return "".join([*pieces, text[end:]]), Placeholders(tuple(names), bool(kinds - {"names"}))


def _placeholder(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The name of the placeholder that begins here, or its number, or "" for the next one; and how many tokens."""
    token = tokens[at]
    near = [tokens[at]]
    for one in tokens[at + 1 : at + 5]:
        if one.start != near[-1].end + 1:
            break
        near.append(one)
    following = near[1].text if len(near) > 1 else ""
    if token.token_type == TokenType.PLACEHOLDER:
        return "", 1
    if token.token_type == TokenType.COLON and _is_word(following):
        return following, 2
    if token.token_type == TokenType.PARAMETER and token.text == "$" and (following.isdecimal() or _is_word(following)):
        return following, 2
    if token.token_type != TokenType.MOD:
        return None
    if following == "(" and len(near) == 5 and near[3].text == ")" and near[4].text == "s" and _is_word(near[2].text):
        return near[2].text, 5
    if following == "s" and (at == 0 or tokens[at - 1].token_type not in _OPERANDS):
        return "", 2
    return None


def _is_word(text: str) -> bool:
    return text.isidentifier()


def _listed(names: Any) -> str:
    return f"{', '.join(repr(name[1:]) for name in names) or 'none':.200}"


def same_values(left: Any, right: Any) -> bool:
    """Whether two vectors that were given are equal."""
    if left is right:
        return True
    try:
        return bool(np.array_equal(np.asarray(left), np.asarray(right)))
    except (TypeError, ValueError):
        return False
