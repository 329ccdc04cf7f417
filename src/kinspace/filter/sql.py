"""What a SQL predicate may contain: looked at before Polars parses it, because its parser already opens files."""

from __future__ import annotations

import re

from ..errors import InvalidInput

MAX_BYTES = 65_536  # of UTF-8
MAX_DEPTH = 1_024  # tokens from the outside to the innermost; no tree deeper than this comes from so few

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--|/\*)
  | (?P<text>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d]\w*)
  | (?P<open>[(\[])
  | (?P<close>[)\]])
  | (?P<comma>,)
  | (?P<symbol>::|<=|>=|<>|!=|==|\|\||[-+*/%<>=!~.|&^])
    """,
    re.VERBOSE,
)
_CLOCK = re.compile("now|current|local|today|random|uuid", re.IGNORECASE)  # now(), CURRENT_DATE, LOCALTIME…
_TYPED = {"date", "time", "timestamp", "datetime", "interval"}  # words that may stand right before a quote
_FROM = {"extract", "substring", "trim", "overlay"}  # functions with a FROM between their arguments


def check_predicate(text: str) -> str:
    """Return the predicate as Polars is to parse it.

    Strings and names are read here as Polars reads them, and forms that only Polars knows (E'…', $$…$$, comments)
    are refused, so that no SELECT hides in what only one of the two takes for a string.

    Raises
    ------
    InvalidInput
        For what no predicate needs: subqueries, statements, comments, odd quoting, too much of anything.
    """
    _check_size(text)
    brackets = _Brackets()
    pieces: list[str] = []  # the tokens as they are to be parsed
    words = [0, 0]  # where the last two are that are no space
    kind = ""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _refused("something that cannot be read", text, at)
        before, kind = kind, str(found.lastgroup)
        last = pieces[words[1]].lower() if pieces else ""
        if kind == "comment":
            raise _refused("a comment", text, at)
        if kind in ("text", "name"):
            if (before == "word" and last not in _TYPED) or text[at - 1 : at] == "&":
                raise _refused("a prefixed string", text, at)
            if before in ("text", "name"):
                raise _refused("two strings or names in a row", text, at)
        token = found[0]
        if kind == "word":
            word = token.lower()
            if _begins_rows(word, last, brackets.function, text[found.end() :]):
                raise _refused("a subquery or statement", text, at)
            if word in ("and", "or") and brackets.distinct:  # the parser takes them into what is compared
                raise _refused("AND or OR after IS DISTINCT FROM, which needs brackets around it", text, at)
            if word in ("true", "false"):
                token = _null_safe(token, pieces, words)
            brackets.distinct |= word == "from" and last == "distinct"
        if kind == "close" and not brackets.close():
            raise _refused("a bracket that was never opened", text, at)
        if kind == "open":
            brackets.open(last if before == "word" else "")
        elif kind == "comma":
            brackets.comma()
        elif kind not in ("close", "space"):
            brackets.token()
        if kind != "space":
            words = [words[1], len(pieces)]
        pieces.append(token)
        at = found.end()
    return "".join(pieces)


def tells_the_time(text: str) -> bool:
    """Whether a predicate may mean something else a moment later: it names the clock, or looks as if it did."""
    return _CLOCK.search(text) is not None


def _check_size(text: str) -> None:
    if not text.strip():
        raise InvalidInput("where is empty; give a predicate such as \"year >= 2020 AND section = 'games'\"")
    try:
        size = len(text) if len(text) > MAX_BYTES else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(f"where is not Unicode text: {error}") from None
    if size > MAX_BYTES:
        raise InvalidInput(f"where is longer than {MAX_BYTES:,} bytes; give a Polars expression with is_in([…])")


def _begins_rows(word: str, last: str, function: str, rest: str) -> bool:
    """Whether this word makes a table of what follows."""
    if word == "from":
        return last != "distinct" and function not in _FROM
    return word == "select" or (word == "values" and rest.lstrip().startswith("("))


def _null_safe(token: str, pieces: list[str], words: list[int]) -> str:
    """Return TRUE or FALSE, and for IS [NOT] before it write what Polars has right: its own IS TRUE is null for null.

    The operator <=> (never null) binds as = does, which for every operand that IS can have is the same.
    """
    first, second = words
    if pieces and pieces[second].lower() == "is":
        pieces[second] = "<=>"
    elif pieces and pieces[second].lower() == "not" and pieces[first].lower() == "is":
        pieces[first], pieces[second] = "<=>", ""
        return f"{token} = FALSE"
    return token


class _Brackets:
    """How deep a tree the tokens so far can make; those before a comma and those after are side by side."""

    def __init__(self) -> None:
        self._open: list[_Level] = [_Level("")]
        self._above = 0  # tokens of every open level, since its last comma

    @property
    def function(self) -> str:
        """The word right before the innermost open bracket."""
        return self._open[-1].function

    @property
    def distinct(self) -> bool:
        """Whether IS DISTINCT FROM was read in the innermost open bracket."""
        return self._open[-1].distinct

    @distinct.setter
    def distinct(self, value: bool) -> None:
        self._open[-1].distinct = value

    def token(self) -> None:
        level = self._open[-1]
        level.tokens += 1
        self._above += 1
        if self._above + level.below > MAX_DEPTH:
            raise InvalidInput("where is nested too deeply or chains too many terms; use IN (…) for a list of values")

    def open(self, function: str) -> None:
        self.token()
        self._open.append(_Level(function))

    def comma(self) -> None:
        level = self._open[-1]
        level.widest = max(level.widest, level.tokens + level.below)
        self._above -= level.tokens
        level.tokens = level.below = 0

    def close(self) -> bool:
        self.comma()
        depth = self._open.pop().widest
        if not self._open:
            return False
        outer = self._open[-1]
        outer.below = max(outer.below, depth)
        return True


class _Level:
    def __init__(self, function: str) -> None:
        self.function = function
        self.tokens = 0  # since the last comma
        self.below = 0  # depth of the deepest bracket closed since then
        self.widest = 0  # depth of what came before it
        self.distinct = False


def _refused(what: str, text: str, at: int) -> InvalidInput:
    return InvalidInput(f"where has {what} at character {at}: {text[at : at + 20]!r}; give one plain SQL predicate")
