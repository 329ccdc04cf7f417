"""zvec, a whole database: its HNSW on float32, int8 and RaBitQ codes, read the shortest way, by internal ids."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import zvec
from numpy.typing import NDArray

from .base import Engine, K, Knob, Search, Vectors

BATCH = 1_000


class Zvec(Engine):
    """A collection in a temporary folder, filled, optimized, and opened again to be read only."""

    library = "zvec"
    for_cosine = "cosine"

    def __init__(self, codes: str = "float32") -> None:
        self.codes = codes
        self.setting = f"HNSW, m 16, efc 200, {codes}"

    def build(self, rows: Vectors, metric: str, threads: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="kinspace-bench-")
        path = str(Path(self.folder.name) / "collection")
        zvec.init(log_dir=self.folder.name, log_level=zvec.LogLevel.ERROR, query_threads=1, optimize_threads=threads)
        kind = {"cosine": zvec.MetricType.COSINE, "l2": zvec.MetricType.L2, "ip": zvec.MetricType.IP}[metric]
        if self.codes == "rabitq":
            how = zvec.HnswRabitqIndexParam(metric_type=kind, m=16, ef_construction=200)
        else:
            codes = zvec.QuantizeType.INT8 if self.codes == "int8" else zvec.QuantizeType.UNDEFINED
            how = zvec.HnswIndexParam(
                metric_type=kind, m=16, ef_construction=200, quantize_type=codes, use_contiguous_memory=True
            )
        vector = zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, rows.shape[1], how)
        collection = zvec.create_and_open(path, zvec.CollectionSchema("rows", vectors=vector))
        for start in range(0, len(rows), BATCH):
            some = range(start, min(start + BATCH, len(rows)))
            collection.insert([zvec.Doc(id=str(i), vectors={"vector": rows[i]}) for i in some])
        collection.optimize(zvec.OptimizeOption(concurrency=threads))
        collection.flush()
        del collection
        self.collection = zvec.open(path, zvec.CollectionOption(read_only=True, enable_mmap=True))
        keys: list[str] = self.collection.resolve_internal_ids(np.arange(len(rows)))
        self.numbers = np.array([int(key) for key in keys])

    def search(self, knob: Knob) -> Search:
        if self.codes == "rabitq":
            parameters = zvec.HnswRabitqQueryParam(ef=knob)
        else:
            parameters = zvec.HnswQueryParam(ef=knob, is_using_refiner=self.codes == "int8")
        search, query_of, numbers = self.collection.query_internal_ids, zvec.Query, self.numbers

        def answer(query: NDArray[np.float32]) -> NDArray[np.int64]:
            found: NDArray[np.int64] = numbers[search(query_of("vector", vector=query, param=parameters), topk=K)]
            return found

        return answer
