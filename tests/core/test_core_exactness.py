"""The short form of tests/exactness.py: no answer by planes differs from float64 brute force."""

from __future__ import annotations

import pytest

from exactness import lines
from exactness_sets import SETS


@pytest.mark.parametrize("name", SETS)
def test_no_answer_differs_from_float64_brute_force(name):
    asked = list(lines([name], (2, 17, 65), 1_000, 400, seed=1))
    assert sum(line.queries for line in asked) >= 400
    assert [line for line in asked if line.differences] == []
