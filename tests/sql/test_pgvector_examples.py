"""What pgvector's documentation shows, on spaces."""

from __future__ import annotations

from typing import Any

import pytest

import kinspace as ks
from kinspace import Hub

FIRST = "SELECT embedding FROM items WHERE id = 1"


@pytest.fixture(scope="module")
def items() -> Any:
    with ks.connect(":memory:") as hub:
        for name, metric in (("items", "l2"), ("cosines", "cosine"), ("products", "ip")):
            space = hub.create_space(name, dims=3, metric=metric, key_type="int")
            rows = [[1, 2, 3], [4, 5, 6], [3, 1, 1], [0, 0, 1]]
            space.multiset([(n, row, {"category_id": 123 + n % 2}) for n, row in enumerate(rows, 1)])
        yield hub


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("SELECT id FROM items ORDER BY embedding <-> '[3,1,2]' LIMIT 5;", [3, 1, 4, 2]),
        (
            f"SELECT id FROM items WHERE id != 1 ORDER BY embedding <-> ({FIRST}) LIMIT 5;",
            [3, 4, 2],  # 3 and 4 are equally far
        ),
        ("SELECT id FROM items WHERE embedding <-> '[3,1,2]' < 5;", [3, 1, 4]),
        ("SELECT id FROM items WHERE embedding <-> '[3,1,2]' < 5 ORDER BY embedding <-> '[3,1,2]' LIMIT 5;", [3, 1, 4]),
        ("SELECT embedding <-> '[3,1,2]' AS distance FROM items WHERE id = 3;", [1.0]),
        ("SELECT (embedding <#> '[3,1,2]') * -1 AS inner_product FROM products WHERE id = 1;", [11.0]),
        ("SELECT 1 - (embedding <=> '[3,1,2]') AS cosine_similarity FROM cosines WHERE id = 4;", [2 / 14**0.5]),
        ("SELECT id FROM items WHERE category_id = 123 ORDER BY embedding <-> '[3,1,2]' LIMIT 5;", [4, 2]),
        ("SELECT id FROM products ORDER BY embedding <#> '[3,1,2]' LIMIT 1;", [2]),
        ("SELECT id FROM items ORDER BY embedding <-> '[3,1,2]'::vector(3) LIMIT 1", [3]),
    ],
)
def test_an_example_of_pgvectors_documentation(items: Hub, statement: str, answer: list[float]) -> None:
    assert items.sql(statement, exact=True).to_series().to_list() == pytest.approx(answer)


def test_a_stored_vector_is_a_query_by_its_key(items: Hub) -> None:
    text = "select id from items order by embedding <-> (select embedding from items where id = %s) limit 1"
    assert items.sql(text, [2]).item() == 2
    with pytest.raises(ks.KeyNotFound, match="99"):
        items.sql(text, [99])
    with pytest.raises(ks.InvalidInput, match="same space"):
        items.sql(text.replace("from items where", "from cosines where"), [2])
