"""One docstring as a row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Docstring(NamedTuple):
    """One documented thing: where it is, what it is, and what its docstring says."""

    key: str  # the name to import it by, such as "random.shuffle"
    module: str
    kind: str  # "module", "class", "function" or "method"
    name: str  # inside its module; the module's own name for a module
    signature: str  # "(x)"; empty for modules, and where C code does not tell
    summary: str  # the first sentence or line
    doc: str  # the whole docstring, cleaned as inspect.cleandoc does
    length: int  # of doc, in characters

    @property
    def text(self) -> str:
        """What is embedded: the name, then the docstring."""
        return f"{self.key}\n{self.doc}"


def rows(module: str, kind: str, name: str, signature: str, doc: str | None) -> Iterator[Docstring]:
    """Yield one row, or none if there is no docstring."""
    doc = (doc or "").strip()
    if doc:
        key = module if kind == "module" else f"{module}.{name}"
        signature = " ".join(re.sub(r"^\(\$?(self|cls|type|module)(, /)?(, )?", "(", signature).split())
        yield Docstring(key, module, kind, name, signature, _summary(doc), doc, len(doc))


def _summary(doc: str) -> str:
    """Return the first sentence of the first paragraph, on one line."""
    paragraph = " ".join(doc.split("\n\n", 1)[0].replace("``", "").split())
    return re.split(r"(?<=[^.][.!?]) (?=[A-Z])", paragraph, maxsplit=1)[0]
