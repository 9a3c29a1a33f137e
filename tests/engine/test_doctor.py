"""`composegen doctor` beside a real engine: what it mends, and what its report tells of a container."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from composegen import diagnosis, dotenv, mending
from composegen.doctor import CHECKS, Diagnosis, begin, examine, report
from composegen.doctor import site as site_module
from tests.support.cli import Cli
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is no speed: a busy machine gets all the time it needs."""
    monkeypatch.setattr(site_module, "PATIENCE", 60)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def examined(folder: Path) -> tuple[site_module.Site, Diagnosis]:
    site = diagnosis.site_at(folder)
    return site, examine(site, [replace(each, deadline=60) for each in CHECKS if each.name in ("engine", "names", "port")])


def test_a_name_and_a_port_of_others_are_replaced_and_nothing_of_theirs_is_touched(
    composegen: Cli, engine: Engine, project: str, base_image: str, taken: int, tmp_path: Path
) -> None:
    composegen("init", "python", "demo", "--name", project, cwd=tmp_path).ok()
    env = tmp_path / "demo/.env"
    env.write_text(dotenv.assign(env.read_text(), {"SSH_PORT": str(taken)}))
    theirs = engine("create", "--name", project, base_image, "true")
    try:
        site, found = examined(env.parent)
        assert [each.status for each in found.findings] == ["ok", "fail", "fail"]
        assert len([mend.do() for mend in mending.mends(found, site)]) == 2
        assert [each.status for each in examined(env.parent)[1].findings] == ["ok", "ok", "ok"]
        assert engine("ps", "--all", "--quiet", "--no-trunc", "--filter", f"id={theirs}") == theirs
    finally:
        engine("rm", "--force", theirs)
    variables = dotenv.parse(env.read_text())
    assert variables["COMPOSE_PROJECT_NAME"] == f"{project}-2" and int(variables["SSH_PORT"]) > taken


def test_a_report_has_the_log_of_the_folders_container_without_its_secrets(
    composegen: Cli, engine: Engine, project: str, base_image: str, tmp_path: Path
) -> None:
    composegen("init", "python", "demo", "--name", project, "--password", cwd=tmp_path, stdin="planted-pass-phrase\n").ok()
    demo = tmp_path / "demo"
    labels = {"project": project, "project.working_dir": demo, "service": "dev"}
    words = [word for name, value in labels.items() for word in ("--label", f"com.docker.compose.{name}={value}")]
    engine("run", "--name", project, *words, base_image, "echo", "Server listening, planted-pass-phrase hf_planted123456")
    site = diagnosis.site_at(demo)
    parts = begin(site, [replace(each, deadline=60) for each in report.PARTS]).result()
    written = report.text(site, Diagnosis(()), parts)
    assert "Server listening, *** ***" in written and f'"container_name": "{project}"' in written
    assert "planted" not in written and "version: " in written
