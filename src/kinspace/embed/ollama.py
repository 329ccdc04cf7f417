"""An embedder around a model that Ollama runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidInput, Unavailable
from .http import Endpoint, sleep as wait
from .model import Model


class Ollama(Model):
    """Embeds by Ollama's ``POST {base_url}/api/embed``.

    The digest of the model is asked for and stored as its revision: pulling another model under the same name is
    noticed when the space is opened with it.

    Parameters
    ----------
    model : str
        As ``ollama list`` has it; ":latest" may be left out.
    base_url : str
    revision : str, optional
        The digest the model must have; by default the one it has.
    dims, prompts, layer_norm, normalise, batch_size, batch_bytes, workers, timeout, retries
        As for OpenAI. Texts longer than the model reads are cut by Ollama, at their end.

    Examples
    --------
    >>> Ollama("nomic-embed-text").document
    'search_document: '
    """

    name = "ollama"

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "http://localhost:11434",
        revision: str | None = None,
        dims: int | None = None,
        prompts: Mapping[str, str] | None = None,
        layer_norm: bool | None = None,
        normalise: bool = True,
        batch_size: int = 64,
        batch_bytes: int = 262_144,
        workers: int = 1,
        timeout: float = 300.0,
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
        self.model = model if ":" in model else f"{model}:latest"
        self._asked = revision
        self._revision: str | None = None
        self._endpoint = Endpoint(base_url, {}, timeout=timeout, retries=retries, sleep=sleep)

    @property
    def revision(self) -> str:
        """The model's digest."""
        if self._revision is None:
            said = self._endpoint.call("GET", "/api/tags")
            try:
                there = {str(one["name"]): str(one["digest"]) for one in said["models"]}
            except (KeyError, TypeError) as error:
                raise Unavailable(f"{self!r}: the server's list of models can't be read: {said!r:.200}") from error
            if self.model not in there:
                known = ", ".join(map(repr, sorted(there))) or "none"
                raise InvalidInput(f"Ollama has no model {self.model!r} (ollama pull gets it); there are: {known}")
            found = there[self.model]
            if self._asked is not None and self._asked != found:
                raise InvalidInput(f"{self.model} was to have the digest {self._asked}; Ollama has {found}")
            self._revision = found
        return self._revision

    def _version(self) -> dict[str, object]:
        return {"revision": self.revision}

    def _vectors(self, texts: list[str], prefix: str) -> Any:
        body = {"model": self.model, "input": [prefix + text for text in texts]}
        said = self._endpoint.call("POST", "/api/embed", body)
        try:
            return said["embeddings"]
        except (KeyError, TypeError) as error:
            raise Unavailable(f"{self!r}: the server's answer has no embeddings: {said!r:.200}") from error
