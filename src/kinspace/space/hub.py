"""A hub: a folder of named spaces."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidInput, SpaceExists, SpaceNotFound
from .damaged import SoundSpace
from .folder import HubFolder
from .forks.merge import Merge, merge
from .parts.meta import Meta
from .places import check_space_name
from .space import Space

if TYPE_CHECKING:
    import polars as pl


class Hub(HubFolder):
    """Named spaces in one folder. Use connect() to get one; threads may share it; close it, or use a with block."""

    def create_space(
        self,
        name: str,
        dims: int | None = None,
        metric: str | None = None,
        *,
        dtype: str = "float32",
        key_type: str = "str",
        embedder: Any = None,
        matryoshka: Sequence[int] | None = None,
        index_dims: int | None = None,
        rotate: str | None = None,
        exist_ok: bool = False,
    ) -> Space:
        """Make a new, empty space.

        Parameters
        ----------
        name : str
            1…255 bytes of UTF-8 without control characters; any other character is just data.
        dims : int
            Length of every vector, 1…65,536. May be left out if the embedder knows it.
        metric : {"cosine", "l2", "ip", "hamming", "jaccard"}
            Smaller is nearer: 1 − cos in [0, 2], the default, Euclidean distance, or −dot. Of bits: how many differ,
            the default, or 1 − those set in both / those set in either, in [0, 1], and 0 where none is set.
        dtype : {"float32", "float16", "bfloat16", "int8", "bit"}
            How vectors are stored: 32, 16, 16, 8 bits a value, or 1. What is given is rounded to the nearest float16 or
            bfloat16, and a value beyond their range is an error; an int8 is a whole number in −128…127, a bit is 0 or 1
            (or False or True), and anything else is an error. What is read is float32, exactly what is stored.
        key_type : {"str", "int"}
            What keys are.
        embedder : optional
            Turns texts into vectors for add_texts and search; its identity is stored, and another one is refused.
        matryoshka : sequence of int, optional
            The lengths, each in 1…dims, that the vectors' model was trained to be cut to. A search at another
            (``dims=``) warns, once a process. By default those the embedder names, if it does.
        index_dims : int, optional
            Build indexes over the first so many components, in 1…dims, by default all: smaller, sooner built and
            faster to search. A search by index takes candidates there and orders them by all components.
        rotate : {"pca"}, optional
            Have searches with ``dims=`` look at the vectors along their principal axes, found for each segment, so that
            few components tell most of any embedding. What is stored and every distance stay as they are: the axes are
            but for finding candidates, which are always ordered by all components.
        exist_ok : bool
            Return the space of that name if there is one and its parameters are these.

        Raises
        ------
        SpaceExists
            If the name is taken (with exist_ok: by a space with other parameters).
        InvalidInput
            If an argument is out of range.
        """
        check_space_name(name)
        meta = Meta.parse(dims, metric, dtype, key_type, embedder, matryoshka, index_dims, rotate)
        self._check_open()
        with self._lock:
            while True:
                if name not in self:
                    try:
                        id = self._create(name, meta, embedder)
                    except SpaceExists:  # another process was quicker
                        pass
                    else:
                        return self._space(self._made(name, id), embedder)
                try:
                    store = self._get(name, insist=True)
                    space = self._space(store, embedder if exist_ok else None)
                except SpaceNotFound:  # it was being deleted: the name is free now
                    continue
                if not exist_ok:
                    raise SpaceExists(
                        f"a space named {name!r} exists already; get_space it, pick another name, or exist_ok=True"
                    )
                if space._store.meta != meta:
                    raise SpaceExists(
                        f"space {name!r} exists with other parameters: {space._store.meta}; asked for was {meta}"
                    )
                return space

    def import_space(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        metric: str | None = None,
        key: str = "key",
        vector: str = "vector",
        key_type: str | None = None,
        dtype: str | None = None,
        embedder: Any = None,
        matryoshka: Sequence[int] | None = None,
        index_dims: int | None = None,
        rotate: str | None = None,
        batch_size: int | None = None,
        progress: bool | None = None,
    ) -> Space:
        """Make a new space of a file's rows, with the dims and the type of keys that it has; all or nothing.

        Parameters
        ----------
        name : str
        path : str or path
            Parquet, Arrow, ``.npy`` (with x.rows.parquet beside x.npy, or without), ``.zarr``, ``.zarr.zip``, HDF5 as
            ann-benchmarks has it, ``.fvecs``, ``.bvecs`` or ``.ivecs``, by its suffix.
        metric : {"cosine", "l2", "ip", "hamming", "jaccard"}, optional
            By default the one that the file names, if it goes with the dtype, or else create_space's.
        key, vector : str
            A table's columns that hold keys and vectors.
        key_type : {"str", "int"}, optional
            By default that of the file's keys; where it has none, row numbers are the keys, as "int" or, of HDF5 and
            vecs, as decimal text.
        dtype : {"float32", "float16", "bfloat16", "int8", "bit"}, optional
            By default the one that the file names, which is what it was exported from, or else "float32".
        embedder, matryoshka, index_dims, rotate
            As for create_space.
        batch_size, progress
            As for Space.load.

        Raises
        ------
        SpaceExists
            If the name is taken.
        InvalidInput, Corrupt
            If the file is not what its suffix says, or is damaged. Whatever the error, there is no space of that name.
        """
        from .importing import filling

        check_space_name(name)
        self._check_open()
        if name in self:
            raise SpaceExists(f"a space named {name!r} exists already; pick another name, or load() into that one")
        options = {"metric": metric, "key_type": key_type, "dtype": dtype, "embedder": embedder}
        options |= {"matryoshka": matryoshka, "index_dims": index_dims, "rotate": rotate}
        meta, load = filling(self, path, name, key, vector, options, self._durability, batch_size, progress)
        self._create(name, meta, embedder, load)
        space = self.get_space(name, embedder=embedder)
        self._background.look_after(space._store)
        return space

    def get_space(
        self, name: str, *, embedder: Any = None, download_snapshot: bool = False, skip_damaged: bool = False
    ) -> Space:
        """The space of that name.

        Parameters
        ----------
        name : str
        embedder : optional
            Needed only if the space was made with an embedder this version doesn't know by itself.
        download_snapshot : bool
            Return an independent copy in memory instead, as Space.download_snapshot() does.
        skip_damaged : bool
            Read every byte now, and return the space as it is now without the segments that are damaged: read-only, its
            `skipped` says what was left out. Rows of those segments are not found in it.

        Raises
        ------
        SpaceNotFound
            If there is none; the message lists those there are.
        Corrupt
            If its catalog is damaged.
        """
        check_space_name(name)
        self._check_open()
        if skip_damaged:
            with self._lock:
                store = self._store(name, self._id_of(name))
            space: Space = SoundSpace(store, self._background, self, embedder)
            return space.download_snapshot() if download_snapshot else space
        space = self._space(self._get(name, insist=False), embedder)
        return space.download_snapshot() if download_snapshot else space

    def list_spaces(self) -> list[str]:
        """The spaces' names, sorted."""
        self._check_open()
        return sorted(self._catalog.spaces())

    def sql(
        self,
        statement: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        exact: bool = False,
        recall: float | None = None,
        ef_search: int | None = None,
    ) -> pl.DataFrame:
        """Answer one SELECT from one space, with pgvector's operators. docs/sql.md says what it may contain.

        Parameters
        ----------
        statement : str
            ``select id, title, _dist from docs where year > :year order by emb <=> :q limit 10``. The space's vectors
            are called ``vector``, its keys ``key``; where no column is called so, ``emb``, ``embedding`` and ``id``
            mean them too. The operator is the space's own: ``<->`` l2, ``<=>`` cosine, ``<#>`` ip, ``<~>`` hamming,
            ``<%>`` jaccard. Without LIMIT every row comes back.
        params : mapping or sequence, optional
            What ``:name`` or ``%(name)s`` stand for, or in a sequence ``$1``, ``?`` or ``%s``: numbers, strings,
            dates, lists after IN, and vectors (an array, a list, or text, ``'[1,2,3]'``).
        exact, recall, ef_search : optional
            How hard to look, as for Space.nearest_neighbors.

        Returns
        -------
        polars.DataFrame

        Raises
        ------
        InvalidInput
            If it is anything but a SELECT of one space, or names a column there is not, or the parameters do not fit.
        SpaceNotFound
            If there is no such space; no file or other table can be reached.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     docs = hub.create_space("docs", dims=2)
        ...     _ = docs.multiset([("a", [1, 0], {"year": 2019}), ("b", [1, 0], {"year": 2024}), ("c", [0, 1])])
        ...     near = "select id, _dist from docs where year > 2020 order by emb <=> :q limit 1"
        ...     hub.sql(near, {"q": [0, 2]}).rows()
        [('b', 1.0)]
        """
        from .search.sql import run

        self._check_open()
        return run(self, statement, params, {"exact": exact, "recall": recall, "ef_search": ef_search})

    def delete_space(self, name: str) -> None:
        """Delete a space with all it holds; whoever has it open gets SpaceNotFound from then on.

        Raises
        ------
        SpaceNotFound
            If there is none of that name.
        """
        check_space_name(name)
        self._check_open()
        with self._lock:
            self._delete(name, self._id_of(name))

    def merge(
        self,
        fork: str | Space,
        into: str | Space,
        on_conflict: Literal["error", "theirs", "ours"] = "error",
    ) -> Merge:
        """Bring what has changed in a fork since it was made into the space it was made of, or into a sibling.

        A row is told by its key. What only one side has changed since the fork was made is taken; a key that both have
        changed, to other vectors or columns, is a conflict.

        Parameters
        ----------
        fork, into : str or Space
            `into` is changed, all or nothing; `fork` stays as it is.
        on_conflict : {"error", "theirs", "ours"}
            What becomes of a conflict: nothing is merged and Conflict is raised; the fork's row is taken, or its
            absence; the row that `into` has, or its absence, stays.

        Returns
        -------
        Merge
            How many rows were added, changed and removed, and the keys in conflict.

        Raises
        ------
        Conflict
            If there are conflicts; its `keys` are theirs.
        InvalidInput
            If the two are not related by a fork, or hold other kinds of vectors or keys.

        Examples
        --------
        >>> import kinspace as ks
        >>> with ks.connect(":memory:") as hub:
        ...     docs = hub.create_space("docs", dims=2)
        ...     docs.multiset({"a": [1, 0], "b": [0, 1]})
        ...     docs.fork("trial").set("c", [1, 1])
        ...     hub.merge("trial", into="docs").added, len(docs)
        2
        (1, 3)
        """
        sides = [self.get_space(one) if isinstance(one, str) else one for one in (fork, into)]
        done = merge(sides[0]._store, sides[1]._store, on_conflict)
        sides[1]._after_write()
        return done

    def pull(
        self,
        url: str,
        name: str | None = None,
        *,
        as_name: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Space:
        """Download a published space whole, check every byte of it, and make it a space of this hub.

        Parameters
        ----------
        url : str
            Where it was published, as for Space.publish.
        name : str, optional
            Which space; may be left out if there is one only.
        as_name : str, optional
            What to call it here; by default as there.
        storage_options : mapping, optional
            As for Space.publish.

        Raises
        ------
        SpaceNotFound
            If there is none of that name.
        SpaceExists
            If this hub has one of that name.
        Corrupt
            If anything is not as the manifest says, or can't be. Nothing was pulled, here and whenever it fails.
        """
        from .remote.pull import Pulled

        self._check_open()
        pulled = Pulled(url, name, storage_options)
        named = pulled.name if as_name is None else as_name
        check_space_name(named)
        if named in self:
            raise SpaceExists(f"a space named {named!r} exists already; give another with as_name=")
        id = self._make(named, lambda folder: pulled.fill(folder, self._durability))
        with self._lock:
            return self._space(self._store(named, id), None)

    def __contains__(self, name: object) -> bool:
        self._check_open()
        try:
            check_space_name(name)
        except InvalidInput:
            return False
        return self._catalog.find(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.list_spaces())

    def __len__(self) -> int:
        return len(self.list_spaces())

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Hub {str(self.path)!r}{' closed' if self._closed else ''}>"
