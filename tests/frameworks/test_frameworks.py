"""Every framework for the CPU, installed from its wheels into the base and checked over SSH by its own arithmetic.

Minutes and gigabytes, so by hand: `.venv/bin/python -m pytest -m frameworks -s`. The figures that it prints go to docs/evidence.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen import catalogue
from composegen.smoke.gpu import MARK, MULTIPLY
from tests.support.cli import Cli
from tests.support.engine import Engine

FRAMEWORKS = ("mindspore", "pytorch", "tensorflow", "jax", "paddle")

# The computation for each GPU, moved to the CPU: expressions in the catalogue's code, and what stands in their place.
ON_THE_CPU = {
    "mindspore": {r"(?s)count = .*?range\(count.value\)": "devices = range(1)", '"GPU"': '"CPU"'},
    "pytorch": {"devices = .*": 'devices = ["cpu"]'},
    "tensorflow": {"devices = .*": 'devices = [each.name for each in tf.config.list_logical_devices("CPU")]'},
    "jax": {'"gpu"': '"cpu"'},
    "paddle": {"devices = .*": 'devices = ["cpu"]'},
}


def on_the_cpu(name: str) -> str:
    code = catalogue.stack(name).variant("gpu").compute
    for pattern, replacement in ON_THE_CPU[name].items():
        code, times = re.subn(pattern, replacement, code)
        assert times == 1, f"{name}: {pattern}"
    return f"{code}\n{MULTIPLY}"


@pytest.fixture
def wheels(tmp_path: Path) -> Callable[[str], list[Path]]:
    """The wheels of a requirement that a package index of the caller's has and the build cannot reach: torch's CPU build."""

    def download(requirement: str) -> list[Path]:
        target = tmp_path / "wheels"
        argv = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--python-version",
            "3.11",
        ]
        done = subprocess.run([*argv, "--dest", str(target), requirement], capture_output=True, text=True)
        return sorted(target.glob("*.whl")) if done.returncode == 0 else []

    return download


@pytest.mark.frameworks
@pytest.mark.engine
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_computes_over_ssh(
    name: str,
    tmp_path: Path,
    composegen: Cli,
    engine: Engine,
    project: str,
    free_port: int,
    build_environment: dict[str, str],
    wheels: Callable[[str], list[Path]],
) -> None:
    variant = catalogue.stack(name).variant("cpu")
    options = ["--name", project, "--port", str(free_port)]
    if variant.pip_index:
        # That index may be out of reach here; `--wheel` is the way for those who have the file.
        options += [word for wheel in wheels(variant.pip[0]) for word in ("--wheel", str(wheel))]
        build_environment = {**build_environment, "FRAMEWORK_INDEX_URL": "file:///nowhere"}
    composegen("init", name, "w", "--device", "cpu", *options, cwd=tmp_path).ok()
    started = time.monotonic()
    composegen("up", "w", "--no-test", cwd=tmp_path, env=build_environment, timeout=1500).ok()
    built = time.monotonic() - started
    report = composegen("test", "w", "--json", cwd=tmp_path, env=build_environment, timeout=900).ok().json
    (check,) = [check for check in report["checks"] if check["name"] == "framework"]
    assert check["status"] == "ok" and variant.check and variant.check.expect in check["detail"]
    assert all(each["ok"] for each in report["checks"])
    computed = composegen("exec", "w", "--", "python", "-c", on_the_cpu(name), cwd=tmp_path, env=build_environment).ok().stdout
    (told,) = [json.loads(line.removeprefix(MARK)) for line in computed.splitlines() if line.startswith(MARK)]
    assert told["said"] == "", told
    size = int(engine("image", "inspect", "--format", "{{.Size}}", f"{project}-dev")) / 1e9
    pinned = (
        composegen("exec", "w", "--", "cat", "/etc/composegen/constraints.txt", cwd=tmp_path, env=build_environment).ok().stdout
    )
    print(
        f"\n| {name} | {' '.join(pinned.split())} | {size:.2f} GB | {built:.0f} s | {check['seconds']:.1f} s | {check['detail']} |"
    )


@pytest.mark.frameworks
@pytest.mark.engine
def test_what_would_replace_the_framework_fails_the_build_and_names_who_asked(
    tmp_path: Path, composegen: Cli, project: str, free_port: int, build_environment: dict[str, str]
) -> None:
    options = ["--device", "cpu", "--name", project, "--port", str(free_port)]
    composegen("init", "jax", "w", *options, "--pip", "flax==0.6.0", "--pip", "jax==0.4.30", cwd=tmp_path).ok()
    done = composegen("up", "w", cwd=tmp_path, env=build_environment, timeout=900)
    assert done.code != 0
    assert re.search(r"The user requested jax==0\.4\.30", done.stderr) and "(constraint) jax==" in done.stderr
