"""A LangChain vector store over a space, as far as LangChain's tests need one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

import kinspace as ks
from absent import null_if_absent
from kinspace.filter import Expression
from kinspace.filter.mongo import read_mapping


class SpaceVectorStore(VectorStore):
    """Documents as rows: each of their metadata a column, and all of it as JSON beside."""

    def __init__(self, space: ks.Space, embeddings: Embeddings) -> None:
        self._space = space
        self._embeddings = embeddings

    @property
    def embeddings(self) -> Embeddings:
        return self._embeddings

    @classmethod
    def from_texts(cls, texts: Any, embedding: Any, metadatas: Any = None, **rest: Any) -> SpaceVectorStore:
        raise NotImplementedError

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **rest: Any,
    ) -> list[str]:
        words = list(texts)
        keys = [one or str(uuid.uuid4()) for one in (ids or [None] * len(words))]
        rows = [
            (
                key,
                vector,
                {
                    "text": text,
                    "metadata": json.dumps(meta),
                    **{f"meta.{name}": value for name, value in meta.items()},
                },
            )
            for key, text, vector, meta in zip(
                keys, words, self._embeddings.embed_documents(words), metadatas or [{} for _ in words]
            )
        ]
        self._space.multiset(rows)
        return keys

    def delete(self, ids: list[str] | None = None, **rest: Any) -> bool:
        self._space.multidelete(ids or [])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return [_document(key, self._space.row(key)) for key in ids if key in self._space]

    def similarity_search(self, query: str, k: int = 4, **rest: Any) -> list[Document]:
        where = self._where(rest["filter"]) if rest.get("filter") else None
        hits = self._space.nearest_neighbors(k, vector=self._embeddings.embed_query(query), where=where)
        return [_document(row["key"], row) for row in hits.rows.to_dicts()]

    def _where(self, given: Mapping[str, Any]) -> Expression:
        known = self._space.columns
        named = _prefixed(given)
        absent = {name: pl.Null() for name in _names(named) if name not in known}
        return Expression(null_if_absent(read_mapping(named, {**known, **absent}), known))


def _document(key: str, row: Mapping[str, Any]) -> Document:
    return Document(id=key, page_content=row["text"], metadata=json.loads(row["metadata"]))


def _prefixed(given: Any) -> Any:
    if isinstance(given, list):
        return [_prefixed(one) for one in given]
    if not isinstance(given, Mapping):
        return given
    return {
        name if name.startswith("$") else f"meta.{name}": _prefixed(value) if name in ("$and", "$or", "$not") else value
        for name, value in given.items()
    }


def _names(given: Any) -> set[str]:
    if isinstance(given, Mapping):
        return {name for name in given if not name.startswith("$")}.union(
            *(_names(value) for name, value in given.items() if name.startswith("$"))
        )
    return set().union(*map(_names, given)) if isinstance(given, list) else set()
