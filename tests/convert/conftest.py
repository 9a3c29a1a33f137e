from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.convert.judge import Bench
from tests.support.engine import Engine


@pytest.fixture(scope="session")
def bench(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The engine with tiny images, two networks and two containers to refer to; all gone afterwards."""
    made = Bench(engine, tmp_path_factory.mktemp("convert"))
    try:
        made.prepare()
        yield made
    finally:
        made.remove()
