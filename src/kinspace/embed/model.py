"""What embedders around somebody else's model share: prefixes, batches, checks, and vectors cut to their length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, KinspaceError, Unavailable
from ..resize import resize
from ..types import parse_count, parse_dims
from .presets import preset

_STREAM_ROWS = 1_024  # texts a stream hands over at a time, at least
_PROMPTS = ("document", "query")


class Model(ABC):
    """An embedder around a model. Subclasses say what it is called, what decides its vectors, and how to get them."""

    name: ClassVar[str]

    def __init__(
        self,
        model: str,
        *,
        dims: int | None,
        prompts: Mapping[str, str] | None,
        layer_norm: bool | None,
        normalise: bool,
        batch_size: int,
        batch_bytes: int | None = None,
        workers: int = 1,
    ) -> None:
        if not isinstance(model, str) or not model:
            raise InvalidInput(f"model is a model's name; got {model!r}")
        if type(normalise) is not bool or type(layer_norm) not in (bool, type(None)):
            raise InvalidInput(f"normalise and layer_norm are True or False; got {normalise!r} and {layer_norm!r}")
        known = preset(model)
        self.model = model
        self.document, self.query = _prompts(prompts, known.document, known.query)
        self.layer_norm = (known.layer_norm and normalise) if layer_norm is None else layer_norm
        self.normalise = normalise
        if self.layer_norm and not normalise:
            raise InvalidInput("layer_norm makes vectors of length 1; it does not go with normalise=False")
        self.batch_size = parse_count(batch_size, "batch_size")
        self.batch_bytes = None if batch_bytes is None else parse_count(batch_bytes, "batch_bytes")
        self.workers = parse_count(workers, "workers")
        self._dims = None if dims is None else parse_dims(dims)
        self._known = known.matryoshka
        self._native: int | None = None

    @property
    def dims(self) -> int:
        """Length of the vectors. If it was not given, a text is embedded to see, once."""
        if self._dims is None:
            self._dims = self.native_dims
        return self._dims

    @property
    def native_dims(self) -> int:
        """Length of the model's own vectors, before they are cut."""
        if self._native is None:
            self._native = self._run(["dimension"], "query").shape[1]
        return self._native

    @property
    def matryoshka(self) -> tuple[int, ...]:
        """The lengths its vectors may be cut to, as far as the model is known."""
        return tuple(length for length in self._known if length <= self.dims)

    @property
    def batch_rows(self) -> int:
        """How many texts a stream should hand over at a time."""
        return max(self.batch_size * self.workers, _STREAM_ROWS)

    @property
    def identity(self) -> dict[str, object]:
        """All that decides a vector: two embedders with the same identity embed alike."""
        return {
            "name": self.name,
            "model": self.model,
            **self._version(),
            "dims": self.dims,
            "prompts": {"document": self.document, "query": self.query},
            "layer_norm": self.layer_norm,
            "normalised": self.normalise,
        }

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return one vector for each text, as a document.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        float32, shape (texts, dims)
            Of length 1, unless normalise is False.

        Raises
        ------
        InvalidInput
            If something is not a str, or the model refuses a text. The error's `texts` is the range they are in.
        Unavailable
            If the model can't be reached, or its answer can't be used; likewise.
        """
        asked = checked_texts(texts)
        out = np.empty((len(asked), self.dims), np.float32)

        def fill(piece: range) -> None:
            try:
                out[piece.start : piece.stop] = self._finished(asked[piece.start : piece.stop], "document")
            except KinspaceError as error:
                error.texts = piece  # type: ignore[attr-defined]  # whoever knows the texts' keys names them
                raise

        pieces = list(self._pieces(asked))
        if self.workers == 1 or len(pieces) < 2:
            for piece in pieces:
                fill(piece)
            return out
        with ThreadPoolExecutor(min(self.workers, len(pieces)), "kinspace-embed") as pool:
            waiting = [pool.submit(fill, piece) for piece in pieces]
            try:
                for one in waiting:
                    one.result()
            finally:
                pool.shutdown(cancel_futures=True)
        return out

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector (dims,) to look for a text with."""
        vector: NDArray[np.float32] = self._finished(checked_texts([text]), "query")[0]
        return vector

    @abstractmethod
    def _version(self) -> dict[str, object]:
        """What of the identity the subclass alone knows: the model's revision."""

    @abstractmethod
    def _vectors(self, texts: list[str], prefix: str) -> Any:
        """The model's own vectors of the texts, each with the prefix before it."""

    def _run(self, texts: list[str], task: str) -> NDArray[np.float32]:
        """The model's own vectors, which are what they must be."""
        made = self._vectors(texts, self.query if task == "query" else self.document)
        try:
            with np.errstate(over="ignore"):  # what float32 can't hold is found below
                found = np.asarray(made, np.float32)
        except (TypeError, ValueError) as error:
            raise Unavailable(f"{self!r} gave what are no vectors: {error}") from error
        if self._native is None and found.ndim == 2:
            self._native = found.shape[1]
        shape = (len(texts), self._native)
        if found.shape != shape or not self._native:
            raise Unavailable(f"{self!r} was to give vectors of shape {shape}; it gave {found.shape}")
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found).all(axis=1)))
            raise Unavailable(f"{self!r} gave a vector that is not finite, for {texts[row]!r:.80}")
        return found

    def _finished(self, texts: list[str], task: str) -> NDArray[np.float32]:
        found = self._run(texts, task)
        native, dims = self.native_dims, self.dims
        if dims > native:
            raise InvalidInput(f"dims is {dims}, and {self.model} makes vectors of {native}")
        if not self.normalise:
            return found[:, :dims]
        return np.asarray(resize(found, dims, layer_norm=self.layer_norm), np.float32)

    def _pieces(self, texts: list[str]) -> Iterator[range]:
        """Where to cut: each piece has so many texts and bytes, at most, or is one text."""
        start, size = 0, 0
        for at, text in enumerate(texts):
            more = len(text.encode("utf-8", "surrogatepass")) + len(self.document.encode())
            too_large = self.batch_bytes is not None and size + more > self.batch_bytes
            if at > start and (at - start == self.batch_size or too_large):
                yield range(start, at)
                start, size = at, 0
            size += more
        if start < len(texts):
            yield range(start, len(texts))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"


def checked_texts(texts: Iterable[str]) -> list[str]:
    """The texts as a list; InvalidInput says which is none."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise InvalidInput(f"texts must be a list or other iterable of str; got one {type(texts).__name__}")
    asked = list(texts)
    for number, text in enumerate(asked):
        if not isinstance(text, str):
            raise InvalidInput(f"texts[{number}] must be a str; got {text!r:.80} ({type(text).__name__})")
    return asked


def _prompts(given: Mapping[str, str] | None, document: str, query: str) -> tuple[str, str]:
    if given is None:
        return document, query
    if not isinstance(given, Mapping) or not set(given) <= set(_PROMPTS):
        raise InvalidInput(f'prompts is {{"document": "…", "query": "…"}}, what goes before each; got {given!r}')
    found = given.get("document", ""), given.get("query", "")
    if not all(isinstance(prompt, str) for prompt in found):
        raise InvalidInput(f"prompts are str; got {given!r}")
    return found
