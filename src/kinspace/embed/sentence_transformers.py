"""An embedder around a model of the sentence-transformers library, run on this machine."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, Unavailable
from ..types import parse_count
from .model import Model

_READ = 1 << 20  # bytes at a time
_NO_PART = (".md", ".gitattributes")  # of a model's folder: they decide no vector


class SentenceTransformers(Model):
    """Embeds with a model from Hugging Face or a folder, by PyTorch: ``pip install "kinspace[sentence-transformers]"``.

    The model is loaded when it is first needed. Code that a model brings along is not run.

    Parameters
    ----------
    model : str or path
        A name on Hugging Face, or a folder that holds the model.
    revision : str, optional
        A branch, tag or commit of the former; the commit it stands for is stored with the space. Of a folder the
        SHA-256 of its files is stored, so that the same model in another folder is known to be the same.
    prompts : mapping, optional
        ``{"document": "…", "query": "…"}``, what goes before texts to be stored and before questions; by default what
        is known of the model, or else what the model itself says.
    truncate_dim : int, optional
        Cut vectors to so many components.
    layer_norm : bool, optional
        Normalise whole vectors to mean 0 before they are cut, as Nomic's models want it.
    normalise : bool
        Make every vector of length 1.
    max_length : int, optional
        Tokens of a text that are read; by default as many as the model is set to.
    device : str, optional
        As PyTorch calls it; by default a GPU if there is one.
    batch_size : int
        Texts that the model embeds at a time.
    """

    name = "sentence-transformers"

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        revision: str | None = None,
        prompts: Mapping[str, str] | None = None,
        truncate_dim: int | None = None,
        layer_norm: bool | None = None,
        normalise: bool = True,
        max_length: int | None = None,
        device: str | None = None,
        batch_size: int = 32,
    ) -> None:
        path = os.fspath(model) if isinstance(model, os.PathLike) else model
        self._folder = Path(path) if isinstance(path, str) and Path(path).is_dir() else None
        if self._folder is not None and revision is not None:
            raise InvalidInput(f"revision is for names on Hugging Face; {path} is a folder, whose files tell")
        super().__init__(
            path if self._folder is None else self._folder.resolve().name,
            dims=truncate_dim,
            prompts=prompts,
            layer_norm=layer_norm,
            normalise=normalise,
            batch_size=batch_size * 16 if type(batch_size) is int else batch_size,  # it sorts these by length
        )
        self._source = path
        self._asked = revision
        self._device = device
        self._max_length = None if max_length is None else parse_count(max_length, "max_length")
        self._at_once = batch_size
        self._prompts_given = prompts is not None
        self._revision: str | None = None
        self._loaded: Any = None
        self._loading = threading.RLock()

    @property
    def revision(self) -> str:
        """The commit of a model on Hugging Face, or ``sha256:…`` of a folder's files."""
        if self._revision is None:
            if self._folder is not None:
                self._revision = f"sha256:{_digest(self._folder)}"
            else:
                config = getattr(getattr(self._model()[0], "auto_model", None), "config", None)
                self._revision = str(getattr(config, "_commit_hash", None) or self._asked or "main")
        return self._revision

    @property
    def identity(self) -> dict[str, object]:
        """All that decides a vector: two embedders with the same identity embed alike."""
        self._model()  # which may bring prompts
        return super().identity | ({} if self._folder is None else {"model": "local folder"})

    def _version(self) -> dict[str, object]:
        return {"revision": self.revision, "max_length": self._model().max_seq_length}

    def _vectors(self, texts: list[str], prefix: str) -> Any:
        return self._model().encode(
            texts,
            prompt=prefix,
            batch_size=self._at_once,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=False,
        )

    def _finished(self, texts: list[str], task: str) -> Any:
        self._model()
        return super()._finished(texts, task)

    def _model(self) -> Any:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
                if self._max_length is not None:
                    self._loaded.max_seq_length = self._max_length
                own = getattr(self._loaded, "prompts", None) or {}
                if not self._prompts_given and not self.document and not self.query:
                    self.document = own.get("document") or own.get("passage") or ""
                    self.query = own.get("query") or ""
            return self._loaded

    def _load(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise Unavailable(
                'this needs sentence-transformers: pip install "kinspace[sentence-transformers]"'
            ) from error
        try:
            return SentenceTransformer(self._source, revision=self._asked, device=self._device, trust_remote_code=False)
        except Exception as error:  # whatever the library, PyTorch or the network raise
            raise Unavailable(f"the model {self._source} can't be loaded: {type(error).__name__}: {error}") from error


def _digest(folder: Path) -> str:
    """The SHA-256 of the names and contents of a folder's files, but for those that decide no vector."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    whole = hashlib.sha256()
    for name in names:
        if name.endswith(_NO_PART) or "/." in f"/{name}":
            continue
        one = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while piece := file.read(_READ):
                one.update(piece)
        whole.update(f"{name}\0{one.hexdigest()}\n".encode())
    return whole.hexdigest()
