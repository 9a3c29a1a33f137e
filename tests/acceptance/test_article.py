"""Acceptance 5: the article's sequence by hand, on a container that composegen made with `--name work`."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.engine import Engine, tear_down, unique_name
from tests.support.ssh_client import ssh, wait_for_banner

pytestmark = pytest.mark.engine


@pytest.fixture
def work(engine: Engine) -> Iterator[str]:
    """`work`, as in the article, unless somebody on this engine uses that name already."""
    taken = engine("ps", "-aq", "--filter", "name=^work$") or engine("volume", "ls", "-q", "--filter", "name=^work_")
    name = unique_name() if taken else "work"
    yield name
    tear_down(engine, name)


def test_the_articles_commands_work_on_the_container(
    composegen: Cli, engine: Engine, work: str, build_environment: dict[str, str], free_port: int, tmp_path: Path
) -> None:
    composegen("init", "python", "folder", "--name", work, "--port", str(free_port), "--user", "root", cwd=tmp_path).ok()
    folder = tmp_path / "folder"
    composegen("up", cwd=folder, env=build_environment).ok()
    key = composegen.home / ".config/composegen/id_ed25519"

    assert work in engine("ps", "-a", "--format", "{{.Names}}").splitlines()
    assert engine("stop", work) == work
    assert engine("restart", work) == work
    wait_for_banner(free_port)
    assert "hello from inside" in in_a_terminal(f"docker exec -it {work} bash -c 'tty >/dev/null && echo hello from inside'")
    assert ssh(free_port, "whoami", key=key).stdout == "root\n"
    checks = composegen("test", "--json", cwd=folder).ok().json
    assert checks["ok"] and len(checks["checks"]) > 5

    engine("stop", work)
    assert engine("rm", work) == work
    assert work not in engine("ps", "-a", "--format", "{{.Names}}").splitlines()


def in_a_terminal(command: str) -> str:
    """What a command prints when its input and output are a terminal, which `docker exec -it` insists on."""
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{shlex.quote(command)}: {done.stdout}"
    return done.stdout
