"""Haystack's own tests of document stores and their filters, on a space."""

from __future__ import annotations

import pytest
from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.testing.document_store import CountDocumentsByFilterTest, DeleteByFilterTest, DocumentStoreBaseTests

import kinspace as ks
from haystack_store import SpaceDocumentStore


class TestDocumentStore(DocumentStoreBaseTests, CountDocumentsByFilterTest, DeleteByFilterTest):
    @pytest.fixture
    def document_store(self, hub: ks.Hub) -> SpaceDocumentStore:
        return SpaceDocumentStore(hub.create_space("documents", dims=768))

    def test_write_documents(self, document_store: SpaceDocumentStore) -> None:
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])
