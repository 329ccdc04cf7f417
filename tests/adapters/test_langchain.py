"""LangChain's own tests of vector stores, on a space, and filters as its vector stores document them."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from langchain_tests.integration_tests.vectorstores import EMBEDDING_SIZE

import kinspace as ks
from langchain_store import SpaceVectorStore


@pytest.fixture
def store(hub: ks.Hub) -> SpaceVectorStore:
    space = hub.create_space("documents", dims=EMBEDDING_SIZE)
    return SpaceVectorStore(space, VectorStoreIntegrationTests.get_embeddings())


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, store: SpaceVectorStore) -> SpaceVectorStore:
        return store


METADATA = [
    {"id": 1, "name": "adam", "height": 10.0, "is_active": True, "date": "2021-01-01", "tags": ["a", "b"]},
    {"id": 2, "name": "bob", "height": 5.7, "is_active": False, "date": "2021-01-02", "tags": ["b"]},
    {"id": 3, "name": "jane", "height": 2.4, "is_active": True, "date": "2021-01-01"},
]
FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"id": 1}, [1]),
    ({"name": "adam"}, [1]),
    ({"is_active": True}, [1, 3]),
    ({"is_active": {"$ne": True}}, [2]),
    ({"name": {"$ne": "bob"}}, [1, 3]),
    ({"id": 1, "is_active": True}, [1]),
    ({"$or": [{"id": 1}, {"id": 2}]}, [1, 2]),
    ({"$and": [{"id": 1}, {"id": 2}]}, []),
    ({"$not": {"id": 1}}, [2, 3]),
    ({"$not": [{"id": 1}]}, [2, 3]),
    ({"$not": {"$or": [{"id": 1}, {"id": 2}]}}, [3]),
    ({"id": {"$gt": 1}}, [2, 3]),
    ({"id": {"$gte": 1, "$lt": 3}}, [1, 2]),
    ({"height": {"$lte": 5.8}}, [2, 3]),
    ({"date": {"$eq": "2021-01-01"}}, [1, 3]),
    ({"id": {"$between": (1, 2)}}, [1, 2]),
    ({"name": {"$in": ["adam", "bob"]}}, [1, 2]),
    ({"is_active": {"$in": [True]}}, [1, 3]),
    ({"name": {"$nin": ["adam", "bob"]}}, [3]),
    ({"name": {"$like": "a%"}}, [1]),
    ({"name": {"$like": "%a%"}}, [1, 3]),
    ({"name": {"$ilike": "A%"}}, [1]),
    ({"tags": {"$contains": "b"}}, [1, 2]),
    ({"tags": {"$exists": False}}, [3]),
    ({"missing": {"$exists": False}}, [1, 2, 3]),
    ({"missing": 1}, []),
    ({"missing": {"$in": [1]}}, []),
]


@pytest.mark.parametrize(("given", "wanted"), FILTERS, ids=[str(one) for one, _ in FILTERS])
def test_filters_of_langchain(store: SpaceVectorStore, given: dict[str, Any], wanted: list[int]) -> None:
    store.add_documents([Document(id=str(one["id"]), page_content=str(one["name"]), metadata=one) for one in METADATA])
    assert sorted(one.metadata["id"] for one in store.similarity_search("x", k=9, filter=given)) == wanted
