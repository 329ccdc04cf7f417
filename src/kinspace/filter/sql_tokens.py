"""The words of a SQL predicate: what each is, and that there is nothing among them that no predicate needs.

sqlglot cuts the text into tokens and later parses them; what lies between is done here. Every word becomes a quoted
name, a call or one of the few words of the grammar; DATE '…', INTERVAL '…', :parameters and the clock become values;
CASE, CAST, EXTRACT and SUBSTRING become calls. What is called bears a mark, so that the parser knows no function by its
name. So it meets names, values, calls, brackets and operators alone, and no other syntax that it knows can be reached.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, NoReturn

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from ..errors import InvalidInput
from .casts import type_named
from .params import Params
from .scalars import parse_number, parse_scalar
from .tree import Scalar

MAX_BYTES = 65_536  # of UTF-8
MAX_NESTING = 32  # brackets, and NOT and signs, one in the other: the parser recurses a dozen calls for each

MARK = "@"  # begins no word and no number that is written
_WORD = re.compile(r"[^\W\d]\w*")
_RESERVED = {
    "AND": TokenType.AND,
    "BETWEEN": TokenType.BETWEEN,
    "FALSE": TokenType.FALSE,
    "ILIKE": TokenType.ILIKE,
    "IN": TokenType.IN,
    "IS": TokenType.IS,
    "LIKE": TokenType.LIKE,
    "NOT": TokenType.NOT,
    "NULL": TokenType.NULL,
    "OR": TokenType.OR,
    "TRUE": TokenType.TRUE,
}
_SYMBOLS = {
    TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA, TokenType.DOT, TokenType.DASH, TokenType.PLUS,
    TokenType.STAR, TokenType.SLASH, TokenType.MOD, TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE,
    TokenType.GT, TokenType.GTE, TokenType.DPIPE, TokenType.DCOLON,
}  # fmt: skip
_OPERANDS = {TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.L_PAREN}
_TYPES = {  # after :: — every one of them stands for what type_named says
    "boolean": TokenType.BOOLEAN,
    "date": TokenType.DATE,
    "double": TokenType.DOUBLE,
    "integer": TokenType.BIGINT,
    "string": TokenType.TEXT,
    "time": TokenType.TIME,
    "timestamp": TokenType.TIMESTAMP,
}
_UNITS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1, "millisecond": 1e-3}
_INTERVAL = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d{1,6})?)\s*([a-zA-Z]*)\s*")


class _Tokenizer(Tokenizer):
    IDENTIFIERS: ClassVar[Any] = ['"', "`"]
    KEYWORDS: ClassVar[Any] = {
        "!=": TokenType.NEQ, "<>": TokenType.NEQ, "<=": TokenType.LTE, "==": TokenType.EQ, ">=": TokenType.GTE,
        "||": TokenType.DPIPE, "::": TokenType.DCOLON,
    }  # fmt: skip


class Words:
    """The tokens of a predicate, as the parser is to meet them; raises InvalidInput for what is refused.

    Attributes
    ----------
    tokens : list of Token
    values : list
        What a NUMBER token whose text is a mark and a number stands for: a scalar, or a tuple of them.
    names_the_clock : bool
    """

    def __init__(self, text: str, params: Params) -> None:
        _check_size(text)
        self.tokens: list[Token] = []
        self.values: list[Scalar | tuple[Scalar, ...]] = []
        self.names_the_clock = False
        self._text = text
        self._params = params
        self._used: set[str] = set()
        self._now = datetime.now()
        self._open = [_Bracket("")]
        try:
            self._given: list[Token] = list(_Tokenizer().tokenize(text))
        except TokenError as error:
            raise InvalidInput(f"where is not a SQL predicate: {str(error).partition(chr(10))[0]:.200}") from None
        if not self._given:
            raise InvalidInput("where has nothing but a comment; give one plain SQL predicate")
        self._at = 0
        while self._at < len(self._given):
            self._next()
        if self._open[-1].case:
            raise InvalidInput("where is not a SQL predicate: CASE without END")
        unused = [name for name in params if name not in self._used]
        if unused:
            raise InvalidInput(f"parameters are given that where does not use: {', '.join(unused):.200}")

    def _next(self) -> None:
        token = self._given[self._at]
        self._at += 1
        kind = token.token_type
        if token.comments:
            self._refuse("a comment", token)
        if kind in (TokenType.STRING, TokenType.IDENTIFIER):
            before = self._peek(-2)
            if before is not None and before.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
                self._refuse("two strings or names in a row", token)
            self.tokens.append(token)
        elif kind == TokenType.NATIONAL_STRING:
            self._refuse("a prefixed string", token)
        elif kind == TokenType.VAR:
            self._word(token)
        elif kind == TokenType.NUMBER:
            self.tokens.append(token)
        elif kind == TokenType.COLON:
            self._parameter(token)
        elif kind in _SYMBOLS:
            self._symbol(token)
        else:
            self._refuse("something that cannot be read", token)

    def _symbol(self, token: Token) -> None:
        kind, top = token.token_type, self._open[-1]
        if kind == TokenType.L_PAREN:
            before = self.tokens[-1] if self.tokens else None
            self._push(before.text[1:] if before is not None and before.token_type == TokenType.VAR else "")
        elif kind == TokenType.R_PAREN:
            if top.case or len(self._open) == 1:
                self._refuse("a bracket that was never opened", token)
            self._open.pop()
        elif kind == TokenType.COMMA:
            if top.case:
                self._refuse("a comma within CASE", token)
            top.reset()
        elif kind in (TokenType.DASH, TokenType.PLUS):
            self._sign()
        self.tokens.append(token)

    def _word(self, token: Token) -> None:
        word, following = token.text.upper(), self._peek(0)
        if not _WORD.fullmatch(token.text):
            self._refuse("something that cannot be read", token)
        last = self.tokens[-1] if self.tokens else None
        if last is not None and last.token_type == TokenType.DOT:
            self._name(token)
        elif last is not None and last.token_type == TokenType.DCOLON:
            self._emit(_TYPES[type_named(token.text)], token.text, token)
        elif following is not None and following.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            self._before_quote(token, word, following)
        elif word in _RESERVED:
            self._reserved(token, word)
        elif not self._in_call(token, word, following) and not self._clock(token, word, following):
            if following is not None and following.token_type == TokenType.L_PAREN:
                if word in ("EXISTS", "VALUES"):
                    self._refuse("a subquery or statement", token)
                if word == "OVER":
                    self._refuse("a window, which depends on other rows,", token)
                self._emit(TokenType.VAR, MARK + token.text.lower(), token)
            elif word == "SELECT" or word == "FROM":
                self._refuse("a subquery or statement", token)
            else:
                self._name(token)

    def _reserved(self, token: Token, word: str) -> None:
        top = self._open[-1]
        if word == "NOT":
            self._sign()
        elif word == "BETWEEN":
            top.betweens += 1
        elif word == "OR" or (word == "AND" and not top.betweens):
            top.reset()
        elif word == "AND":
            top.betweens -= 1
        self._emit(_RESERVED[word], word, token)
        if word == "IN" and self._values_listed():
            return
        if word in ("IS", "NOT") and (word == "IS" or self._was("IS", 2)) and self._comes("DISTINCT", "FROM"):
            for _ in range(2):  # the parser knows these two by their text
                self._emit(TokenType.VAR, self._given[self._at].text.upper(), self._given[self._at])
                self._at += 1

    def _values_listed(self) -> bool:
        """Whether plain values in brackets come, which were made one: the parser takes its time for each of many."""
        at = self._at + 1
        found: list[Scalar] = []
        if not self._comes("("):
            return False
        while True:
            sign = 1
            while at < len(self._given) and self._given[at].token_type == TokenType.DASH:
                at, sign = at + 1, -sign
            if at + 1 >= len(self._given):
                return False
            token, end = self._given[at], self._given[at + 1]
            if token.comments or end.comments or end.token_type not in (TokenType.COMMA, TokenType.R_PAREN):
                return False
            if token.token_type == TokenType.NUMBER:
                found.append(sign * parse_number(token.text))
            elif token.token_type == TokenType.STRING and sign == 1:
                found.append(parse_scalar(token.text, "a string"))
            else:
                return False
            at += 2
            if end.token_type == TokenType.R_PAREN:
                break
        token = self._given[self._at]
        self._at = at
        self._value(tuple(found), token)
        return True

    def _in_call(self, token: Token, word: str, following: Token | None) -> bool:
        """Whether it is a word of CASE, CAST, EXTRACT or SUBSTRING, and was dealt with."""
        top = self._open[-1]
        if word == "CASE" and following is not None and following.token_type in _OPERANDS:
            if following.text.upper() in _RESERVED and following.text.upper() != "NOT":
                return False
            searched = following.token_type == TokenType.VAR and following.text.upper() == "WHEN"
            self._emit(TokenType.VAR, MARK + ("case" if searched else "case_of"), token)
            self._emit(TokenType.L_PAREN, "(", token)
            self._push("case", case="CASE" if searched else "OPERAND")
        elif top.case and word in ("WHEN", "THEN", "ELSE", "END"):
            self._case(token, word, top)
        elif top.function == "cast" and word == "AS" and following is not None:
            self._emit(TokenType.COMMA, ",", token)
            self._emit(TokenType.STRING, type_named(following.text), following)
            self._at += 1
        elif top.function == "extract" and word == "FROM" and self.tokens[-1].token_type == TokenType.IDENTIFIER:
            self.tokens[-1] = Token(TokenType.STRING, self.tokens[-1].text, start=token.start, end=token.end)
            self._emit(TokenType.COMMA, ",", token)
        elif top.function == "substring" and word in ("FROM", "FOR"):
            self._emit(TokenType.COMMA, ",", token)
            top.reset()
        elif word == "ESCAPE" and following is not None and self._was("LIKE", 2):
            self._emit(TokenType.ESCAPE, word, token)
        else:
            return False
        return True

    def _case(self, token: Token, word: str, top: _Bracket) -> None:
        after = {"CASE": ("WHEN",), "OPERAND": ("WHEN",), "WHEN": ("THEN",), "THEN": ("WHEN", "ELSE", "END")}
        if word not in after.get(top.case, ("END",)):
            self._refuse(f"{word} after {top.case} of CASE", token)
        if top.case != "CASE":
            self._emit(TokenType.COMMA, ",", token)
        if word != "END":
            top.case = word
            top.reset()
            return
        if top.case == "ELSE":
            self.tokens.pop()  # the comma: its value stands already
        else:
            self._emit(TokenType.NULL, "NULL", token)
        self._emit(TokenType.R_PAREN, ")", token)
        self._open.pop()

    def _before_quote(self, token: Token, word: str, quoted: Token) -> None:
        if quoted.token_type == TokenType.STRING and word in ("DATE", "TIME", "TIMESTAMP", "DATETIME", "TIMESTAMPTZ"):
            self._at += 1
            self._value(_moment(word, quoted.text), token)
        elif quoted.token_type == TokenType.STRING and word == "INTERVAL":
            self._at += 1
            unit = self._peek(0)
            apart = unit is not None and unit.token_type == TokenType.VAR and unit.text.lower().rstrip("s") in _UNITS
            self._at += apart
            self._value(_interval(quoted.text, unit.text if unit is not None and apart else ""), token)
        elif word in _RESERVED:
            self._reserved(token, word)
        elif not self._in_call(token, word, quoted):
            self._refuse(
                "a prefixed string" if token.end + 1 == quoted.start else "a name and a string in a row", token
            )

    def _clock(self, token: Token, word: str, following: Token | None) -> bool:
        called = self._comes("(", ")")
        now = self._now
        known: dict[str, Scalar] = {
            "CURRENT_DATE": now.date(), "CURRENT_TIME": now.time(), "CURRENT_TIMESTAMP": now,
            "LOCALTIME": now.time(), "LOCALTIMESTAMP": now,
        }  # fmt: skip
        if called:
            known |= {"NOW": now, "TODAY": now.date()}
        elif following is not None and following.token_type == TokenType.L_PAREN:
            return False
        if word not in known:
            return False
        self._at += 2 * called
        self.names_the_clock = True
        self._value(known[word], token)
        return True

    def _parameter(self, colon: Token) -> None:
        name = self._peek(0)
        if name is None or name.token_type != TokenType.VAR or name.start != colon.end + 1:
            self._refuse("a colon without the name of a parameter", colon)
        self._at += 1
        if name.text not in self._params:
            given = ", ".join(map(repr, self._params)) or "none"
            raise InvalidInput(f"where uses :{name.text:.60}, which params does not give; it gives: {given:.200}")
        self._used.add(name.text)
        self._value(self._params[name.text], colon)

    def _sign(self) -> None:
        self._open[-1].signs += 1
        self._check_nesting()

    def _push(self, function: str, case: str = "") -> None:
        self._open.append(_Bracket(function, case))
        self._check_nesting()

    def _check_nesting(self) -> None:
        if sum(1 + one.signs for one in self._open) > MAX_NESTING + 1:
            raise InvalidInput(
                f"where is nested too deeply: more than {MAX_NESTING} brackets, NOTs or signs one in the other"
            )

    def _value(self, value: Scalar | tuple[Scalar, ...], token: Token) -> None:
        self._emit(TokenType.NUMBER, f"{MARK}{len(self.values)}", token)
        self.values.append(value)

    def _name(self, token: Token) -> None:
        self._emit(TokenType.IDENTIFIER, token.text, token)

    def _emit(self, kind: TokenType, text: str, token: Token) -> None:
        self.tokens.append(Token(kind, text, start=token.start, end=token.end))

    def _peek(self, ahead: int) -> Token | None:
        place = self._at + ahead
        return self._given[place] if 0 <= place < len(self._given) else None

    def _comes(self, *words: str) -> bool:
        found = [self._peek(ahead) for ahead in range(len(words))]
        return [one.text.upper() if one is not None else None for one in found] == list(words)

    def _was(self, word: str, back: int) -> bool:
        return len(self.tokens) >= back and self.tokens[-back].text.upper().endswith(word)

    def _refuse(self, what: str, token: Token) -> NoReturn:
        start = token.start
        raise InvalidInput(
            f"where has {what} at character {start}: {self._text[start : start + 20]!r}; give one plain SQL predicate"
        )


class _Bracket:
    """An open bracket, or CASE: what was opened, and how deep its last term goes without brackets."""

    def __init__(self, function: str, case: str = "") -> None:
        self.function = function
        self.case = case  # the last of its words, in CASE
        self.signs = 0
        self.betweens = 0  # whose AND has not come yet

    def reset(self) -> None:
        self.signs = self.betweens = 0


def _check_size(text: str) -> None:
    if not text.strip():
        raise InvalidInput("where is empty; give a predicate such as \"year >= 2020 AND section = 'games'\"")
    try:
        size = len(text) if len(text) > MAX_BYTES else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"where is not Unicode text: {error}") from None
    if size > MAX_BYTES:
        raise InvalidInput(f"where is longer than {MAX_BYTES:,} bytes; give a list as a parameter: x IN :values")


def _moment(word: str, text: str) -> Scalar:
    reads = {"DATE": date.fromisoformat, "TIME": time.fromisoformat}.get(word, datetime.fromisoformat)
    try:
        return parse_scalar(reads(text.strip()), f"{word} {text!r:.40}")
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"where is not a SQL predicate: {word} {text!r:.40} is none; write it as ISO 8601 does"
        ) from None


def _interval(text: str, unit: str) -> timedelta:
    found = _INTERVAL.fullmatch(text)
    seconds = found and _UNITS.get((found[2] or unit).lower().rstrip("s"))
    if found is None or seconds is None or (found[2] and unit):
        raise InvalidInput(
            f"INTERVAL {text!r:.40} is none that filters have; write INTERVAL '7 days', in weeks, days, hours, minutes "
            "or seconds"
        )
    try:
        return timedelta(seconds=float(found[1]) * seconds)
    except OverflowError:
        raise InvalidInput(f"INTERVAL {text!r:.40} is too long") from None
