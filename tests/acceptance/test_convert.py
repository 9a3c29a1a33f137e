"""Acceptance of step 6: the article's own line becomes a folder, its container runs, and the tests over SSH pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


def test_the_articles_line_becomes_a_container_with_ssh(
    composegen: Cli, engine: Engine, project: str, build_environment: dict[str, str], free_port: int, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    line = (
        f"docker run -d -p {free_port}:22 -v /dev/shm:/dev/shm -v {code}:/home/code --name={project} --runtime=nvidia "
        "--ulimit nofile=4096 ms:200a-cu116 python3 -m http.server --bind 127.0.0.1 8123"
    )
    composegen("convert", "--output", "work", line, cwd=tmp_path).ok()
    folder = tmp_path / "work"
    # No GPU is needed for this; the stand-in takes the place of the line's image.
    override = "compose.yaml:compose.nogpu.yaml:compose.override.yaml"
    composegen("up", cwd=folder, env={**build_environment, "COMPOSE_FILE": override}).ok()

    checks = composegen("test", "--json", cwd=folder, env={"COMPOSE_FILE": override}).ok().json
    assert checks["ok"] and len(checks["checks"]) > 15
    assert "RUNNING" in engine("exec", project, "supervisorctl", "status", "command")
    limits = engine("inspect", "--format", "{{json .HostConfig.Ulimits}} {{.HostConfig.Runtime}}", project)
    assert '"Soft":4096' in limits and limits.endswith("runc")
