"""Every instruction set the machine has, one test each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from kinspace import _core


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.isa()
    _core.force_isa(request.param)
    yield request.param
    _core.force_isa(before)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
