"""What reaches a build from outside: proxies, silent registries; and what was installed by hand in what came of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Work

pytestmark = pytest.mark.engine
PROXY = "http://proxy.invalid:3128"


def test_proxies_reach_the_build_and_not_the_image(work: Work, base_image: str) -> None:
    (work.path / "Dockerfile").write_text(f"FROM {base_image}\nRUN env | sort >/seen\n")
    exported = {"HTTP_PROXY": PROXY, "https_proxy": PROXY, "NO_PROXY": "internal.invalid"}
    work.engine("compose", "build", cwd=work.path, env={**work.cli.environment(), **exported})
    image = f"{work.project}-dev"
    seen = work.engine("run", "--rm", "--network", "none", "--entrypoint", "cat", image, "/seen")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        assert f"{name}={PROXY}\n" in seen
    assert "NO_PROXY=internal.invalid\n" in seen
    kept = work.engine("image", "inspect", image) + work.engine("history", "--no-trunc", image)
    assert PROXY not in kept
    inside = work.engine("run", "--rm", "--network", "none", "--entrypoint", "env", image)
    assert "proxy" not in inside.lower()


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """An address where somebody listens and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_registry_that_does_not_answer_is_said_before_the_build(work: Work, silent_registry: str) -> None:
    done = work("up", env={"BASE_IMAGE": f"{silent_registry}/team/image:1"})
    assert done.code == 1
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith(f"error: {silent_registry} does not answer within 3 s") and "--mirror cn" in hint
    assert work.engine.run("inspect", work.project).returncode != 0, "no container was made"


def test_pull_says_that_a_registry_does_not_answer_and_the_hint_is_a_way_out(work: Work, silent_registry: str) -> None:
    image = f"{silent_registry}/team/image:1"
    done = work("pull", env={"BASE_IMAGE": image})
    assert done.code == 1
    error, hint = done.stderr.splitlines()
    assert error == f"error: {silent_registry} does not answer within 3 s, so that the base image {image} cannot be fetched"
    assert hint.startswith("  hint: ") and "`composegen update --mirror cn`" in hint
    work("update", "--mirror", "cn").ok()
    assert "\nAPT_MIRROR=http" in (work.path / ".env").read_text()


def test_what_was_installed_by_hand_is_named_and_can_be_written_down(work: Work, tmp_path: Path) -> None:
    work("up", "--no-test").ok()
    assert json.loads(work("status", "--json").ok().stdout)["installed"] == []
    source = tmp_path / "handmade"
    source.mkdir()
    (source / "setup.py").write_text("from setuptools import setup\nsetup(name='handmade', version='1.0', py_modules=[])\n")
    work.engine("cp", str(source), f"{work.project}:/tmp/handmade")
    work.engine("exec", work.project, "python", "-m", "pip", "install", "--no-build-isolation", "/tmp/handmade")
    work.engine("exec", work.project, "apt-mark", "manual", "libwrap0")
    said = work("status").ok()
    assert "apt libwrap0" in said.stdout and "pip handmade==1.0" in said.stdout and "--write" in said.stderr
    work("status", "--write").ok()
    assert "handmade==1.0" in (work.path / "requirements.txt").read_text().splitlines()
    assert "libwrap0" in (work.path / "apt.txt").read_text().splitlines()
    assert "needed: what it is made of changed" in work("status").stdout


def test_a_move_to_another_version_keeps_the_image_that_was_built(work: Work) -> None:
    work("build").ok()
    before = work.engine("image", "inspect", "--format", "{{.Id}}", f"{work.project}-dev")
    said = work("update", "--version", "3.12").ok()
    kept = f"{work.project}-dev:3.11-cpu"
    assert f"kept as {kept}" in said.stderr and "back: composegen update --device cpu --version 3.11" in said.stderr
    assert work.engine("image", "inspect", "--format", "{{.Id}}", kept) == before
