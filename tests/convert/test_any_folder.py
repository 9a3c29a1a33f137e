"""Whatever a line says, its folder is prepared or refused with a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from composegen import converting
from composegen.convert import convert
from composegen.errors import ComposegenError
from tests.convert.drawn import lines

EXAMPLES = 25


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines())
def test_any_line_becomes_a_folder_or_is_refused_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    try:
        prepared = converting.prepare(convert(line), tmp_path / "box", dry_run=True)
    except ComposegenError as error:
        assert error.message and error.hint
    else:
        assert prepared.plan.pending and not (tmp_path / "box").exists()
