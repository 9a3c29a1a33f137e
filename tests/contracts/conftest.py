"""Every distinct contract of the catalogue, up on the engine once, from a stand-in for the vendor's image.

Stand-ins prove our side of a contract, not the vendor's image: see tests/support/standins.py.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest

from composegen import catalogue, dotenv
from composegen.model import Contract, Variant
from tests.support.cli import Cli
from tests.support.engine import Engine, free_port, tear_down, unique_name
from tests.support.ssh_client import ssh
from tests.support.standins import standin, without_python

pytest.register_assert_rewrite("tests.contracts.proofs")

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
USER = "dev"
FRAMEWORK = "colorama==0.4.6"  # installed where a variant installs its framework: small, and pure Python as well
REQUIREMENT = "iniconfig==2.0.0"


@dataclass(frozen=True)
class Case:
    """A contract, and the variant of it that adds the fewest packages of its own."""

    stack: str
    variant: Variant

    @property
    def contract(self) -> Contract:
        return self.variant.contract

    @property
    def brings_python(self) -> bool:
        """The image has none; apt adds it."""
        return any(package.startswith("python3") for package in self.variant.apt)


def cases(stack: str) -> Iterator[Case]:
    by_contract: dict[Contract, list[Variant]] = {}
    for variant in catalogue.stack(stack).variants:
        by_contract.setdefault(variant.contract, []).append(variant)
    for variants in by_contract.values():
        yield Case(stack, min(variants, key=lambda variant: (len(variant.apt) + len(variant.pip), not variant.default)))


@dataclass(frozen=True)
class Made:
    """A running container whose base image is the contract's stand-in."""

    case: Case
    image: str
    path: Path
    project: str
    port: int
    cli: Cli
    engine: Engine

    @property
    def contract(self) -> Contract:
        return self.case.contract

    def ssh(self, command: str, *, user: str = USER) -> subprocess.CompletedProcess[str]:
        return ssh(self.port, command, user=user, key=self.cli.home / ".config/composegen/id_ed25519")

    def inside(self, *command: str) -> str:
        return self.engine("exec", self.project, *command)

    def logs(self) -> str:
        done = self.engine.run("logs", self.project)
        return done.stdout + done.stderr


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module runs its tests for every contract of its STACKS, and for its CASES."""
    if "made" in metafunc.fixturenames:
        found = [case for stack in metafunc.module.STACKS for case in cases(stack)]
        found += getattr(metafunc.module, "CASES", [])
        metafunc.parametrize("made", found, indirect=True, scope="module", ids=[case.contract.name for case in found])


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    case: Case = request.param
    image = standin(engine, without_python(case.contract) if case.brings_python else case.contract)
    directory = tmp_path_factory.mktemp("contract")
    project, port = unique_name(), free_port()
    cli = Cli(directory / "home")
    folder = Made(case, image, directory / "folder", project, port, cli, engine)
    write_folder(folder)
    try:
        cli("up", "--no-test", cwd=folder.path).ok()
        yield folder
    finally:
        tear_down(engine, project)


def write_folder(made: Made) -> None:
    """`init` as a user would, without the GPU, on the stand-in; then a user's edits: a requirement, a smaller framework."""
    variant = made.case.variant
    asked = {"device": variant.device, "version": variant.version, "cuda": variant.cuda, "flavour": variant.flavour}
    asked |= {"gpus": "" if variant.device == "cpu" else "none", "name": made.project, "port": str(made.port), "user": USER}
    options = [word for name, value in asked.items() if value for word in (f"--{name}", value)]
    made.cli("init", made.case.stack, str(made.path), *options).ok()
    env = made.path / ".env"
    env.write_text(dotenv.assign(env.read_text(), build_settings(made.image)))
    requirements = made.path / "requirements.txt"
    requirements.write_text(f"{requirements.read_text()}{REQUIREMENT}\n")
    if variant.pip:
        dockerfile = made.path / "Dockerfile"
        before = dockerfile.read_text()
        dockerfile.write_text(before.replace(" ".join(map(quote, variant.pip)), FRAMEWORK))
        assert dockerfile.read_text() != before


def build_settings(image: str) -> dict[str, str]:
    """What a build here needs: the local base, one package index, and this machine's certificates where it trusts extra ones."""
    trusts_more = any(os.environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    bundle = {"CA_BUNDLE": str(CERTIFICATES)} if trusts_more and CERTIFICATES.exists() else {}
    index = os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    return {"BASE_IMAGE": image, "PIP_INDEX_URL": index, "FRAMEWORK_INDEX_URL": index, **bundle}
