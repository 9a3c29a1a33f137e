"""The real `devcontainer` command line on a folder with `.devcontainer/`, and composegen on what that started."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Work
from tests.judges.judges import HOME as JUDGES
from tests.support.cli import Cli
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

LOOK = "import json, os, sys; open('made', 'w'); print(json.dumps([sys.executable, os.getcwd(), os.getuid()]))"


@pytest.fixture(params=["root", "ada"])
def work(
    request: pytest.FixtureRequest, tmp_path: Path, composegen: Cli, engine: Engine, base_image: str, project: str, free_port: int
) -> Work:
    if not (JUDGES / "installed").exists():
        pytest.skip("devcontainer is not installed: scripts/install-judges.sh")
    options = ["--base", base_image, "--name", project, "--port", str(free_port), "--user", request.param]
    composegen("init", "python", str(tmp_path / "work"), *options, "--devcontainer").ok()
    return Work(tmp_path / "work", project, free_port, composegen, engine)


def devcontainer(work: Work, command: str, *arguments: str) -> Any:
    """What `devcontainer COMMAND` says in its last line, which is JSON."""
    argv = ["node", str(JUDGES / "node_modules/.bin/devcontainer"), command, "--workspace-folder", str(work.path), *arguments]
    path = f"{JUDGES / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    done = work.engine.shell(*argv, env={**work.cli.environment(), "PATH": path, "TMPDIR": str(work.path.parent)})
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_dev_containers_open_the_container_that_composegen_has(work: Work) -> None:
    work("check").ok()
    user = next(line.split("=")[1] for line in (work.path / ".env").read_text().splitlines() if line.startswith("SSH_USER="))
    owner = (work.path / "code").stat().st_uid
    read = devcontainer(work, "read-configuration")["configuration"]
    assert (read["service"], read["shutdownAction"], read["overrideCommand"]) == ("dev", "none", False)

    found = devcontainer(work, "up")
    assert (found["outcome"], found["remoteUser"], found["composeProjectName"]) == ("success", user, work.project)
    # `exec` finds by itself only containers that `devcontainer up` labelled; plain Compose started this one.
    inside = devcontainer(work, "exec", "--container-id", found["containerId"], "python", "-c", LOOK)
    assert inside == ["/usr/local/bin/python", "/home/code", owner]
    assert (work.path / "code/made").stat().st_uid == owner

    steps = {step["name"]: step["detail"] for step in work("up", "--no-test", "--json").ok().json["steps"]}
    assert steps["start"] == "skipped, it is running" and work.id == found["containerId"]
    assert devcontainer(work, "up")["containerId"] == found["containerId"]
