"""A Haystack document store over a space, as far as Haystack's tests of filters need one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError

import kinspace as ks
from absent import null_if_absent
from kinspace.filter import Expression
from kinspace.filter.build import all_of, any_of, is_true, one_of
from kinspace.filter.scalars import parse_scalar
from kinspace.filter.tree import Call, Column, Compare, Constant, IsNull, Not

ORDER = (">", ">=", "<", "<=")


def read_filter(given: Any, columns: Any) -> Expression:
    """Haystack's filters know true and false alone: a comparison with what isn't there is false, and its NOT true."""
    try:
        return Expression(null_if_absent(_read(given), columns))
    except ks.InvalidInput as error:
        raise FilterError(str(error)) from error


def _read(given: Any) -> Any:
    if "field" in given:
        return _condition(given)
    if given.get("operator") not in ("AND", "OR", "NOT") or not isinstance(given.get("conditions"), list):
        raise FilterError("a filter has 'field', 'operator' and 'value', or an 'operator' and 'conditions'")
    terms = [_read(one) for one in given["conditions"]]
    return any_of(terms) if given["operator"] == "OR" else _negated(given["operator"] == "NOT", all_of(terms))


def _negated(really: bool, term: Any) -> Any:
    return Not(term) if really else term


def _condition(given: Any) -> Any:
    if "operator" not in given or "value" not in given:
        raise FilterError("a condition has 'field', 'operator' and 'value'")
    column, operator, value = Column((given["field"],)), given["operator"], given["value"]
    if operator in ("in", "not in"):
        if not isinstance(value, list):
            raise FilterError(f"{operator} takes a list")
        options = [parse_scalar(one, "a value") for one in value]
        found = is_true(one_of(column, [one for one in options if one is not None]))
        return _negated(operator == "not in", any_of([found, IsNull(column)]) if None in options else found)
    if operator in ORDER:
        if value is None:
            return Constant(False)
        if isinstance(value, str):  # strings have no order in Haystack, but for dates
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise FilterError(f"{operator} takes a number or an ISO date") from None
            return is_true(Compare(operator, Call("cast", (column, Constant("timestamp"))), Constant(value)))
        return is_true(Compare(operator, column, Constant(parse_scalar(value, "the value"))))
    if operator not in ("==", "!="):
        raise FilterError(f"there is no operator {operator}")
    same = (
        IsNull(column) if value is None else is_true(Compare("=", column, Constant(parse_scalar(value, "the value"))))
    )
    return _negated(operator == "!=", same)


class SpaceDocumentStore:
    """Documents as rows: each of their metadata a column, and all of them as JSON beside."""

    def __init__(self, space: ks.Space) -> None:
        self._space = space

    def count_documents(self) -> int:
        return len(self._space)

    def write_documents(self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE) -> int:
        if not isinstance(documents, list) or not all(isinstance(one, Document) for one in documents):
            raise ValueError("write_documents takes a list of Documents")
        known = [one.id for one in documents if one.id in self._space]
        if known and policy in (DuplicatePolicy.FAIL, DuplicatePolicy.NONE):
            raise DuplicateDocumentError(f"there is a document {known[0]!r} already")
        new = [one for one in documents if policy != DuplicatePolicy.SKIP or one.id not in known]
        self._space.multiset([(one.id, one.embedding or [0.0] * self._space.dims, _columns(one)) for one in new])
        return len(new)

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        if not len(self._space):
            return []
        query = self._space.select("document")
        query = query.where(self._where(filters)) if filters else query
        try:
            return [Document.from_dict(json.loads(text)) for text in query.collect()["document"]]
        except ks.InvalidInput as error:
            raise FilterError(str(error)) from error

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        return len(self.filter_documents(filters))

    def delete_documents(self, document_ids: list[str]) -> None:
        self._space.multidelete(document_ids)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        return self._space.delete_where(self._where(filters))

    def _where(self, filters: dict[str, Any]) -> Expression:
        return read_filter(filters, self._space.columns)


def _columns(document: Document) -> dict[str, Any]:
    meta = {f"meta.{name}": value for name, value in document.meta.items()}
    return {"document": json.dumps(document.to_dict()), "content": document.content, **meta}
