"""What known models want done with texts and vectors, by the model's name."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """What goes before a document and before a query; what happens to vectors; the lengths they may be cut to."""

    document: str = ""
    query: str = ""
    layer_norm: bool = False
    """Whether whole vectors are normalised to mean 0 before they are cut."""
    matryoshka: tuple[int, ...] = ()


_ENGLISH = "Represent this sentence for searching relevant passages: "
_CHINESE = "为这个句子生成表示以用于检索相关文章："
_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
_NOMIC = ("search_document: ", "search_query: ")
_EVERY = (  # the first that matches; names as Hugging Face, Ollama and servers have them, in lower case
    (r"nomic-embed-text-v1$", Preset(*_NOMIC)),  # the one that is not resizable
    (r"nomic-embed-text-v2-moe", Preset(*_NOMIC, matryoshka=(256, 768))),
    (r"nomic-embed-text", Preset(*_NOMIC, layer_norm=True, matryoshka=(64, 128, 256, 512, 768))),
    (r"modernbert-embed-base", Preset(*_NOMIC, matryoshka=(256, 768))),
    (r"\be5-.*instruct", Preset(query=_INSTRUCT)),
    (r"\be5-", Preset("passage: ", "query: ")),
    (r"bge-m3", Preset()),
    (r"bge-.*-zh", Preset(query=_CHINESE)),
    (r"bge-(small|base|large)", Preset(query=_ENGLISH)),
    (r"mxbai-embed-large", Preset(query=_ENGLISH)),
    (r"arctic-embed(2|.*-v2)", Preset(query="query: ")),
    (r"arctic-embed", Preset(query=_ENGLISH)),
    (r"text-embedding-3-small", Preset(matryoshka=(512, 1536))),
    (r"text-embedding-3-large", Preset(matryoshka=(256, 1024, 3072))),
)


def preset(model: str) -> Preset:
    """Return what is known of a model; nothing is done to texts or vectors of one that is not.

    Examples
    --------
    >>> preset("nomic-ai/nomic-embed-text-v1.5").query, preset("intfloat/multilingual-e5-small").document
    ('search_query: ', 'passage: ')
    >>> preset("sentence-transformers/all-MiniLM-L6-v2")
    Preset(document='', query='', layer_norm=False, matryoshka=())
    """
    name = model.lower()
    return next((known for pattern, known in _EVERY if re.search(pattern, name)), Preset())
