"""`pip install .` into a clean environment gives a working `composegen init` that needs neither network nor engine."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.cli import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a fresh virtual environment with composegen and its dependencies, and nothing else."""
    environment = tmp_path_factory.mktemp("clean")
    venv.create(environment, with_pip=True)
    python, constraints = str(environment / "bin/python"), str(ROOT / "constraints.txt")
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", constraints, str(ROOT)]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode != 0 and "No matching distribution" in done.stderr:
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return environment / "bin"


@pytest.mark.parametrize("stack", ["python", "mindspore"])
def test_init_works_without_network_and_engine(installed: Path, tmp_path: Path, stack: str) -> None:
    alone = {
        "HOME": str(tmp_path),
        "PATH": f"{installed}:/usr/sbin:/sbin",
        "DOCKER_HOST": "unix:///nonexistent.sock",
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [*without_network(), str(installed / "composegen"), "init", stack],
        cwd=tmp_path,
        env=alone,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / stack).iterdir()}
    assert {"compose.yaml", "Dockerfile", "container", ".env", ".env.example", "README.md", ".composegen"} <= written


def test_the_installed_package_holds_every_template_and_stack(installed: Path) -> None:
    package = next(installed.parent.glob("lib/python*/site-packages/composegen"))
    for pattern in ("catalogue/*.yaml", "render/templates/**/*"):
        source = {
            path.relative_to(ROOT / "composegen")
            for path in (ROOT / "composegen").glob(pattern)
            if path.is_file() and "__pycache__" not in path.parts
        }
        there = {path.relative_to(package) for path in package.glob(pattern) if path.is_file()}
        # pip compiles every .py file that it installs, a template's too.
        assert source == {path for path in there if "__pycache__" not in path.parts}


def without_network() -> list[str]:
    """A prefix that runs a command with a loopback interface only, where this user may make namespaces; else nothing."""
    prefix = [
        "/usr/bin/unshare",
        "--net",
        *([] if os.geteuid() == 0 else ["--map-root-user"]),
        "/bin/sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "sh",
    ]
    works = subprocess.run([*prefix, sys.executable, "-c", ""], capture_output=True).returncode == 0
    return prefix if works else []
