"""The tiers of DESIGN §5: what a test may ask for, and how a tier that this machine lacks is skipped or failed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from composegen.host import nvidia
from tests.support import engine as engine_support
from tests.support.cli import Cli
from tests.support.engine import Engine
from tests.support.private_engine import NVIDIA_RUNTIME, PrivateEngine, started_private_engine

BASE_IMAGE = "composegen-base:bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
JUDGES = Path(__file__).resolve().parents[1] / ".judges/installed"  # once scripts/install-judges.sh is through
REGISTRY_NAME = "python:3.11-slim-bookworm"  # what stacks/python and stacks/mindspore-cpu build from

_reason = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-engine", action="store_true", help="fail where a test would be skipped for want of a Docker engine")
    parser.addoption("--evidence", metavar="FILE", help="write what the gpu tier showed, where it could run")


def pytest_sessionstart(session: pytest.Session) -> None:
    """A whole run has every tier that needs no GPU: what would be skipped for want of a tool is missing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    missing = [
        tool
        for tool in ("sshd", "sshpass", "ssh", "git", "ip", "desktop-file-validate", "xdg-open")
        if not shutil.which(tool, path=path)
    ]
    if not session.config.getoption("--require-engine"):
        return
    if missing:
        pytest.exit(f"--require-engine: no {', '.join(missing)} here: scripts/install-test-tools.sh installs them", returncode=1)
    if not JUDGES.exists():
        pytest.exit("--require-engine: no judges here: scripts/install-judges.sh installs them", returncode=1)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not nvidia.driver().there:
        pytest.skip("no NVIDIA driver is loaded here")
    if item.get_closest_marker("engine"):
        _need_engine(item.config)


def _need_engine(config: pytest.Config) -> None:
    """Pass where a good engine answers; else skip with the reason, or fail under --require-engine."""
    if _reason not in config.stash:
        config.stash[_reason] = engine_support.what_is_missing()
    _skip_or_fail(config, config.stash[_reason])


def _skip_or_fail(config: pytest.Config, reason: str) -> None:
    if reason and config.getoption("--require-engine"):
        pytest.fail(f"--require-engine: {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """The machine's own engine; `engine("ps", "-a")` is `docker ps -a`'s standard output."""
    _need_engine(request.config)
    return Engine()


@pytest.fixture(scope="session")
def base_image(request: pytest.FixtureRequest, engine: Engine) -> str:
    """The name of a local drop-in for python:3.11-slim-bookworm, bootstrapped from Debian packages where it is missing."""
    _skip_or_fail(request.config, engine_support.bootstrap(BASE_IMAGE))
    return BASE_IMAGE


@pytest.fixture(scope="session")
def build_environment(base_image: str) -> dict[str, str]:
    """Variables for a build here: the local base, and the host's certificates where the caller's environment trusts extra ones."""
    trusts_more = any(os.environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    bundle = {"CA_BUNDLE": str(CERTIFICATES)} if trusts_more and CERTIFICATES.exists() else {}
    return {"BASE_IMAGE": base_image, **bundle}


@pytest.fixture(scope="session")
def tagged_base(engine: Engine, base_image: str) -> Iterator[str]:
    """`base_image` under the name that stacks build from, for plain `docker compose`; a pulled image of that name is left alone."""
    with engine_support.borrowed_tag(engine, base_image, REGISTRY_NAME):
        yield REGISTRY_NAME


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listened on a moment ago."""
    return engine_support.free_port()


@pytest.fixture
def composegen(tmp_path: Path) -> Cli:
    """The command line in a HOME of its own: `composegen("init", "python", cwd=…)` returns code, stdout and stderr."""
    return Cli(home=tmp_path / "home")


@pytest.fixture
def projects(engine: Engine) -> Iterator[Callable[[], str]]:
    """Makes unique Compose project names; whatever was created under them is removed afterwards."""
    made: list[str] = []

    def new() -> str:
        made.append(engine_support.unique_name())
        return made[-1]

    yield new
    for name in made:
        engine_support.tear_down(engine, name)


@pytest.fixture
def project(projects: Callable[[], str]) -> str:
    """One unique Compose project name; its containers, networks, volumes and images are removed afterwards."""
    return projects()


@pytest.fixture(scope="session")
def private_engine(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivateEngine]:
    """A second engine in a network namespace of its own, with stand-ins of NVIDIA's hook and runtime and an empty CDI directory.

    Nothing in it reaches a network; `take(image)` copies an image from the machine's engine.
    """
    if subprocess.run(engine_support.as_root("true"), capture_output=True).returncode != 0:
        pytest.skip("a second engine needs root, or sudo without a password")
    with started_private_engine(tmp_path_factory.mktemp("engine"), outer=engine, options=NVIDIA_RUNTIME) as private:
        yield private
