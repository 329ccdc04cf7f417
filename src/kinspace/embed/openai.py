"""An embedder around any server that speaks OpenAI's API for embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Unavailable
from ..types import parse_dims
from .http import Endpoint, sleep as wait
from .model import Model

_KEY = "OPENAI_API_KEY"
_URL = "OPENAI_BASE_URL"


class OpenAI(Model):
    """Embeds by ``POST {base_url}/embeddings``: OpenAI itself, vLLM, llama.cpp, LM Studio, LocalAI and others.

    Texts leave this machine for where `base_url` points. Nothing is sent before a text is to be embedded, or `dims` is
    asked for without being given.

    Parameters
    ----------
    model : str
        As the server calls it. For known models prompts, layer_norm and matryoshka lengths are filled in.
    base_url : str, optional
        By default the variable OPENAI_BASE_URL, or OpenAI's.
    api_key : str, optional
        By default the variable OPENAI_API_KEY; sent as a bearer token, and in no message, repr or file.
    dims : int, optional
        Cut vectors to so many components here. By default they stay as they come.
    dimensions : int, optional
        Ask the server for vectors of this length, which only some models can do.
    revision : str, optional
        Stored with the space as part of what decides a vector; a server doesn't tell its own.
    prompts : mapping, optional
        ``{"document": "…", "query": "…"}``, what goes before texts to be stored and before questions.
    layer_norm : bool, optional
        Normalise whole vectors to mean 0 before they are cut, as Nomic's models want it.
    normalise : bool
        Make every vector of length 1.
    batch_size, batch_bytes : int
        A request has at most so many texts, and bytes of them, or is one text. A token has at least one byte, so by
        default a request stays below the 300,000 tokens that OpenAI takes.
    workers : int
        Requests under way at a time.
    timeout : float
        Seconds that a request may take.
    retries : int
        How often a request is tried again after a time-out, a lost connection, 429 or 5xx: with waits that double, up
        to a minute, or as long as the server's Retry-After says. Other refusals are not tried again.

    Examples
    --------
    >>> embedder = OpenAI("nomic-embed-text-v1.5", base_url="http://localhost:8000/v1", dims=256)
    >>> embedder.query, embedder.layer_norm, embedder.matryoshka
    ('search_query: ', True, (64, 128, 256))
    """

    name = "openai"

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dims: int | None = None,
        dimensions: int | None = None,
        revision: str | None = None,
        prompts: Mapping[str, str] | None = None,
        layer_norm: bool | None = None,
        normalise: bool = True,
        batch_size: int = 256,
        batch_bytes: int = 262_144,
        workers: int = 4,
        timeout: float = 60.0,
        retries: int = 5,
        sleep: Callable[[float], object] = wait,
    ) -> None:
        super().__init__(
            model,
            dims=dims,
            prompts=prompts,
            layer_norm=layer_norm,
            normalise=normalise,
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            workers=workers,
        )
        self.revision = revision
        self.dimensions = None if dimensions is None else parse_dims(dimensions, "dimensions")
        self._native = self.dimensions
        key = os.environ.get(_KEY) if api_key is None else api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = base_url or os.environ.get(_URL) or "https://api.openai.com/v1"
        self._endpoint = Endpoint(url, headers, timeout=timeout, retries=retries, sleep=sleep)

    def _version(self) -> dict[str, object]:
        return {"revision": self.revision, "dimensions": self.dimensions}

    def _vectors(self, texts: list[str], prefix: str) -> Any:
        body: dict[str, Any] = {"model": self.model, "input": [prefix + text for text in texts]}
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        said = self._endpoint.call("POST", "/embeddings", {**body, "encoding_format": "float"})
        try:
            rows = {int(row["index"]): row["embedding"] for row in said["data"]}
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"{self!r}: the server's answer has no embeddings: {said!r:.200}") from error
        if len(said["data"]) != len(texts) or set(rows) != set(range(len(texts))):
            raise Unavailable(f"{self!r}: the server was to embed {len(texts)} texts; it embedded {len(said['data'])}")
        return [rows[number] for number in range(len(texts))]
