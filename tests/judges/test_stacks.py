"""Acceptance 7: linters find nothing in stacks/ beyond accepted.yaml, and accepted.yaml holds nothing that they no longer find."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.judges.judges import HOME, JUDGES, ROOT, Finding
from tests.support.engine import Engine

STACKS = sorted(path.parent for path in (ROOT / "stacks").glob("*/compose.yaml"))

Accepted = Mapping[str, str]  # tool, rule, file (a glob), line (a regular expression for the line or the message), reason


@cache
def accepted() -> tuple[Accepted, ...]:
    return tuple(yaml.safe_load(Path(__file__).with_name("accepted.yaml").read_text(encoding="utf-8")) or ())


@pytest.fixture(params=JUDGES)
def tool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name != "yamllint" and not (HOME / "installed").exists():
        pytest.skip("the judges are not installed: scripts/install-judges.sh")
    return name


def test_a_judge_finds_what_is_accepted_and_nothing_else(tool: str) -> None:
    assert STACKS
    findings = list(JUDGES[tool](STACKS))

    unlisted = [str(finding) for finding in findings if not any(covers(entry, finding) for entry in accepted())]
    stale = [dict(entry) for entry in accepted() if entry["tool"] == tool and not any(covers(entry, each) for each in findings)]
    assert not unlisted, "mend these in the templates, or accept them with a reason:\n" + "\n".join(unlisted)
    assert not stale, f"nothing is found for these any more, remove them: {stale}"


def covers(entry: Accepted, finding: Finding) -> bool:
    same = (entry["tool"], entry["rule"]) == (finding.tool, finding.rule)
    there = fnmatch(finding.file, entry["file"])
    return same and there and any(re.search(entry["line"], text) for text in (finding.line, finding.message))


def test_every_accepted_finding_has_a_reason() -> None:
    for entry in accepted():
        assert set(entry) == {"tool", "rule", "file", "line", "reason"}, entry
        assert entry["tool"] in JUDGES
        assert len(entry["reason"]) > 20, entry


@pytest.mark.engine
@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_the_builders_own_checks_find_nothing(engine: Engine, base_image: str, stack: Path) -> None:
    done = engine.run("build", "--check", "--build-arg", f"BASE_IMAGE={base_image}", str(stack))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no warnings found" in done.stdout + done.stderr
