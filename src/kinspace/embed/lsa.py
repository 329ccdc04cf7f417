"""Latent semantic analysis: an embedder fitted to texts, by TF-IDF and a truncated SVD; it needs no model."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Corrupt, InvalidInput, Unavailable
from ..text.words import words_of
from ..types import parse_count, parse_dims
from .embedder import fitted_digest
from .model import checked_texts

VERSION = 1  # of how a text becomes a vector, given what was fitted
_BLOCK = 512  # texts embedded at a time
_SHORTER = (8, 4, 2, 1)  # of the dims: lengths that vectors may be cut to

_terms_of: weakref.WeakValueDictionary[str, _Terms] = weakref.WeakValueDictionary()  # by digest, shared in the process
_reading = threading.Lock()


class _Terms:
    """Every term's number, and its vector: its rarity times what it is along each axis, float16 (terms, dims)."""

    def __init__(self, raw: bytes, dims: int) -> None:
        import polars as pl

        try:
            frame = pl.read_ipc(io.BytesIO(raw))
            vectors = frame.get_column("vector").to_numpy()
            names = frame.get_column("term").to_list()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise Corrupt(f"what an lsa embedder was fitted to can't be read: {error}") from error
        good = vectors.dtype == np.float16 and vectors.shape == (len(names), dims) and np.isfinite(vectors).all()
        if not good or not all(isinstance(name, str) for name in names):
            raise Corrupt(f"what an lsa embedder was fitted to is no term and vector of {dims} dims a row")
        self.vectors: NDArray[np.float16] = vectors
        self.numbers: dict[str, int] = {name: number for number, name in enumerate(names)}


class Lsa:
    """Embeds by the words that tend to occur together in the texts it was fitted to. Make one with `Lsa.fit`.

    Words that keep the same company get near vectors, so "car" may find "automobile" where hashing can't; it knows
    only words it was fitted to. Components come in order of how much they tell: vectors may be cut at any length
    (``dims=`` of a search, ``ks.resize``).

    A space keeps what its embedder was fitted to, in a file of its own, and so do its forks and published copies:
    opened anywhere, it embeds as before, without scikit-learn.

    Examples
    --------
    >>> texts = ["the cat sat", "a cat and a dog", "dogs and cats", "ships at sea", "the sea and a ship"]
    >>> embedder = Lsa.fit(texts, dims=2, min_texts=1)
    >>> embedder.embed(["a cat"]).shape
    (1, 2)
    """

    def __init__(self, dims: int, digest: str, size: int, read: Callable[[], bytes]) -> None:
        self._dims = dims
        self._digest = digest
        self._size = size
        self._read = read
        self._terms: _Terms | None = None

    @classmethod
    def fit(cls, texts: Iterable[str], dims: int = 256, *, max_terms: int = 50_000, min_texts: int = 2) -> Lsa:
        """Fit to texts: those that will be searched, or many like them. It needs scikit-learn (``kinspace[lsa]``).

        Parameters
        ----------
        texts : iterable of str
        dims : int
            Length of the vectors: 100…500 are usual. At most as many as there are texts, and terms.
        max_terms : int
            Keep so many terms, those in most texts. Each takes 2 · dims bytes and its letters.
        min_texts : int
            Leave out terms in fewer texts than that, which is most misspellings.

        Raises
        ------
        InvalidInput
            If something is not a str, or there is too little to fit so many dims to.
        Unavailable
            If scikit-learn is not installed.

        Notes
        -----
        A term's weight in a text is (1 + ln count) · (1 + ln((1 + texts) / (1 + texts with it))), each text's weights
        scaled to length 1; the axes are the first right singular vectors of that matrix (Halko, Martinsson and Tropp
        2011, arXiv:0909.4061, with a fixed seed). Vectors of the terms are kept as float16.
        """
        length = parse_dims(dims)
        weights, names, idf = _weigh(checked_texts(texts), parse_count(max_terms, "max_terms"), min_texts)
        if length > min(weights.shape):
            raise InvalidInput(
                f"dims is {length}, and there are {weights.shape[0]:,} texts with {weights.shape[1]:,} terms in at "
                f"least {min_texts} of them: fit to more texts, or ask for fewer dims"
            )
        from sklearn.decomposition import TruncatedSVD

        axes = TruncatedSVD(length, n_iter=5, random_state=0).fit(weights).components_
        return cls._of(names, np.asarray(idf[:, None] * axes.T, np.float16))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Lsa:
        """Read what save() wrote.

        Raises
        ------
        Unavailable, Corrupt
            If there is no such file, or it is another.
        """
        import polars as pl

        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise Unavailable(f"{path} can't be read: {error}") from error
        wrong = (pl.exceptions.PolarsError, pl.exceptions.PanicException, LookupError, AttributeError, OSError)
        try:
            dims = pl.read_ipc_schema(io.BytesIO(raw))["vector"].shape[0]  # type: ignore[attr-defined]  # an Array, or else it is caught
        except wrong as error:
            raise Corrupt(f"{path} is not what an lsa embedder was fitted to: {error}") from error
        return cls._of_bytes(raw, dims)

    @classmethod
    def of_identity(cls, identity: Mapping[str, object], read: Callable[[], bytes]) -> Lsa:
        """The embedder with that identity; `read` gives what it was fitted to, when it is needed."""
        dims, size = parse_dims(identity.get("dims")), parse_count(identity.get("bytes"), "bytes")
        digest = fitted_digest(identity)
        if digest is None or dict(identity) != _identity(dims, digest, size):
            raise InvalidInput(
                f"this version's lsa embedder is version {VERSION}, and has not the identity {identity!r}"
            )
        return cls(dims, digest, size, read)

    @classmethod
    def _of(cls, names: list[str], vectors: NDArray[np.float16]) -> Lsa:
        import polars as pl

        if not np.isfinite(vectors).all():
            raise InvalidInput("the texts can't be fitted to: a component is not finite")
        columns = {"term": names, "vector": pl.Series(vectors, dtype=pl.Array(pl.Float16, vectors.shape[1]))}
        file = io.BytesIO()
        pl.DataFrame(columns).write_ipc(file)
        return cls._of_bytes(file.getvalue(), vectors.shape[1])

    @classmethod
    def _of_bytes(cls, raw: bytes, dims: int) -> Lsa:
        made = cls(dims, hashlib.sha256(raw).hexdigest(), len(raw), lambda: raw)
        made._known()
        return made

    @property
    def dims(self) -> int:
        """Length of the vectors."""
        return self._dims

    @property
    def identity(self) -> dict[str, object]:
        """All that decides a vector: two embedders with the same identity embed alike."""
        return _identity(self._dims, self._digest, self._size)

    @property
    def matryoshka(self) -> tuple[int, ...]:
        """Lengths to cut vectors to; any other will do too."""
        return tuple(sorted({max(1, self._dims // part) for part in _SHORTER}))

    @property
    def fitted(self) -> bytes:
        """What it was fitted to: an Arrow file with a row for each term, `term` and `vector`.

        Raises
        ------
        Corrupt
            If it is not what it was.
        """
        raw = self._read()
        if hashlib.sha256(raw).hexdigest() != self._digest:
            raise Corrupt("what an lsa embedder was fitted to is damaged: its checksum does not match; fit it again")
        return raw

    @property
    def terms(self) -> list[str]:
        """The words it knows."""
        return list(self._known().numbers)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what it was fitted to as a file, to be read by load()."""
        try:
            Path(path).write_bytes(self.fitted)
        except OSError as error:
            raise Unavailable(f"{path} can't be written: {error}") from error

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return one vector for each text.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        float32, shape (texts, dims)
            Of length 1; a text without a word that is known gets zeros.

        Raises
        ------
        InvalidInput
            If something is not a str.
        Corrupt, Unavailable
            If what it was fitted to can't be read.
        """
        asked, known = checked_texts(texts), self._known()
        out = np.zeros((len(asked), self._dims), np.float32)
        for start in range(0, len(asked), _BLOCK):
            _embed(known, asked[start : start + _BLOCK], out[start : start + _BLOCK])
        return out

    def _known(self) -> _Terms:
        terms = self._terms
        if terms is None:
            with _reading:
                terms = _terms_of.get(self._digest)
                if terms is None:
                    terms = _terms_of[self._digest] = _Terms(self.fitted, self._dims)
            self._terms = terms
        return terms

    def __repr__(self) -> str:
        return f"Lsa(dims={self._dims}, fitted={self._digest[:12]!r})"


def _identity(dims: int, digest: str, size: int) -> dict[str, object]:
    return {"name": "lsa", "version": VERSION, "dims": dims, "normalised": True, "fitted": digest, "bytes": size}


def _embed(known: _Terms, texts: list[str], out: NDArray[np.float32]) -> None:
    """Sum the vectors of each text's terms, each times 1 + ln(count), and divide by the length."""
    numbers = known.numbers
    for row, text in enumerate(texts):
        here = [number for word in words_of(text) if (number := numbers.get(word)) is not None]
        if not here:
            continue
        terms, counts = np.unique(np.array(here, np.int64), return_counts=True)
        weights = 1.0 + np.log(counts)
        total = weights @ known.vectors[terms].astype(np.float64)
        length = float(np.sqrt(total @ total))
        if length > 0:
            out[row] = total / length


def _weigh(texts: list[str], max_terms: int, min_texts: int) -> tuple[Any, list[str], NDArray[np.float64]]:
    """The texts' weights as a sparse matrix (texts, terms), the terms, and how rare each is."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise Unavailable('fitting needs scikit-learn: pip install "kinspace[lsa]"') from error
    least = parse_count(min_texts, "min_texts")
    vectorizer = TfidfVectorizer(
        analyzer=words_of, sublinear_tf=True, min_df=least, max_features=max_terms, dtype=np.float32
    )
    try:
        weights = vectorizer.fit_transform(texts)
    except ValueError as error:
        raise InvalidInput(f"nothing can be fitted to {len(texts):,} texts: {error}") from error
    return weights, vectorizer.get_feature_names_out().tolist(), vectorizer.idf_
