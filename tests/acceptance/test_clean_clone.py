"""Acceptance 4: a committed stack starts with plain `docker compose up -d` and no .env; the password in its log logs in."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import ROOT
from tests.support.engine import Engine
from tests.support.ssh_client import ssh, wait_for_banner

pytestmark = pytest.mark.engine

PASSWORD = re.compile(r"composegen: password for root: (\S+)")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """stacks/python as a clone of the repository has it: the tracked files and nothing else."""
    target = tmp_path / "clone/stacks/python"
    shutil.copytree(ROOT / "stacks/python", target, ignore=shutil.ignore_patterns(".env"))
    return target


def test_the_generated_password_logs_in_before_and_after_a_restart(
    engine: Engine, clone: Path, tagged_base: str, project: str, free_port: int, tmp_path: Path
) -> None:
    # A name and a port of our own, so that nobody else's container on this engine is met.
    own = {"COMPOSE_PROJECT_NAME": project, "SSH_PORT": str(free_port)}

    engine("compose", "up", "-d", cwd=clone, env=own)
    wait_for_banner(free_port)

    (password,) = PASSWORD.findall(engine("compose", "logs", "--no-log-prefix", cwd=clone, env=own))
    assert ssh(free_port, "id -un", password=password).stdout == "root\n"
    assert log_in_with_paramiko(free_port, password) == "root\n"
    assert ssh(free_port, "id -un", password=f"not-{password}").returncode == 255

    engine("compose", "restart", cwd=clone, env=own)
    wait_for_banner(free_port)
    assert ssh(free_port, "id -un", password=password).stdout == "root\n"
    assert len(PASSWORD.findall(engine("compose", "logs", "--no-log-prefix", cwd=clone, env=own))) == 1

    assert_no_secret(engine, project, password, tmp_path)
    assert not (clone / ".env").exists()


def test_a_given_password_is_in_no_layer_and_no_inspection(
    engine: Engine, clone: Path, tagged_base: str, project: str, free_port: int, tmp_path: Path
) -> None:
    password = "pa$ss wo'rd-#4711"
    own = {"COMPOSE_PROJECT_NAME": project, "SSH_PORT": str(free_port), "SSH_PASSWORD": password}

    engine("compose", "up", "-d", cwd=clone, env=own)
    wait_for_banner(free_port)

    assert ssh(free_port, "id -un", password=password).stdout == "root\n"
    assert not PASSWORD.findall(engine("compose", "logs", cwd=clone, env=own))
    assert_no_secret(engine, project, password, tmp_path)


def assert_no_secret(engine: Engine, project: str, password: str, scratch: Path) -> None:
    """Neither the password nor its hash is in the image's history, configuration or layers, nor in the container's inspection."""
    image = f"{project}-dev"
    hashed = engine("exec", project, "sh", "-c", "getent shadow root | cut -d: -f2")
    assert hashed.startswith("$")
    said = engine("history", "--no-trunc", image) + engine("image", "inspect", image) + engine("inspect", project)
    for secret in (password, hashed):
        assert secret not in said

    saved = scratch / "image.tar"
    engine("image", "save", "--output", str(saved), image)
    shutil.unpack_archive(saved, scratch / "image")
    for layer in (path for path in (scratch / "image").rglob("*") if path.is_file()):
        for secret in (password, hashed):
            assert not contains(layer, secret), f"a secret is in {layer}"


def contains(file: Path, text: str) -> bool:
    return subprocess.run(["grep", "--quiet", "--text", "--fixed-strings", "--", text, str(file)]).returncode == 0


def log_in_with_paramiko(port: int, password: str) -> str:
    from paramiko import AutoAddPolicy, SSHClient

    with SSHClient() as client:
        client.set_missing_host_key_policy(AutoAddPolicy())
        client.connect("127.0.0.1", port, "root", password, look_for_keys=False, allow_agent=False, timeout=10)
        _, stdout, _ = client.exec_command("id -un", timeout=10)
        return stdout.read().decode()
