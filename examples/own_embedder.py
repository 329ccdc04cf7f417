"""An embedder of your own: dims, identity, embed. A real one would call a model in embed()."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

import kinspace as ks


class Letters:
    """Counts the letters a to z: anagrams have distance 0."""

    dims = 26
    identity = {"name": "letters", "version": 1}  # noqa: RUF012  # a plain attribute is enough

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        return np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


with ks.connect(":memory:") as hub:
    words = hub.create_space("words", embedder=Letters())
    words.add_texts(["listen", "enlist", "stone", "notes", "google"], ["listen", "enlist", "stone", "notes", "google"])
    print(words.search("silent", k=2))

    try:
        hub.get_space("words", embedder=ks.embed.Hashing(26))
    except ks.InvalidInput as error:
        print("refused:", error)  # vectors of two embedders are never mixed
