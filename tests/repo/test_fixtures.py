"""The fixtures keep what their docstrings say."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli
from tests.support.engine import Engine
from tests.support.private_engine import PrivateEngine

pytestmark = pytest.mark.engine


def test_a_private_engine_accepts_nvidia_reservations_and_leaves_the_machines_own_alone(
    engine: Engine, private_engine: PrivateEngine, base_image: str
) -> None:
    before = engine("info", "--format", "{{.ID}}")
    private_engine.take(base_image)

    said = private_engine("run", "--rm", "--gpus", "all", base_image, "nvidia-smi", "-L")

    assert said.startswith("GPU 0: Stand-in GPU")
    assert private_engine("info", "--format", "{{.ID}}") != before
    assert engine("run", "--rm", base_image, "python", "-c", "print(6 * 7)") == "42"


def test_a_port_of_the_private_engine_is_published_in_its_own_network_namespace(
    private_engine: PrivateEngine, base_image: str
) -> None:
    private_engine.take(base_image)
    server = private_engine("run", "--rm", "-d", "-p", "127.0.0.1:2222:8000", base_image, "python", "-m", "http.server", "8000")
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:2222/', timeout=5).status)"
    try:
        done = private_engine.shell("python3", "-c", f"import time; time.sleep(1); {ask}")
        assert done.stdout.strip() == "200", done.stderr
    finally:
        private_engine("rm", "--force", server)


def test_the_stacks_base_is_a_drop_in_for_the_official_image(engine: Engine, tagged_base: str) -> None:
    said = engine(
        "run", "--rm", tagged_base, "sh", "-c", "command -v python; command -v pip; ls /usr/lib/python3*/EXTERNALLY-MANAGED || true"
    )

    assert said.splitlines() == ["/usr/local/bin/python", "/usr/local/bin/pip"]


def test_the_command_line_runs_in_a_home_of_its_own(composegen: Cli) -> None:
    assert composegen("--version").ok().stdout.startswith("composegen ")
    assert composegen.environment()["HOME"] == str(composegen.home)
