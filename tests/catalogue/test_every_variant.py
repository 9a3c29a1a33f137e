"""Every variant of the catalogue, by name: what `init` writes for it, read by the real Docker Compose."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from composegen import catalogue, init
from composegen.init import Request
from composegen.model import Choices, Settings, Variant
from composegen.model.choices import SHM_SIZE, SHM_UNITS
from tests.support.engine import free_port

VARIANTS = [(name, variant) for name in catalogue.names() for variant in catalogue.stack(name).variants]
ALL_GPUS = {"driver": "nvidia", "capabilities": ["gpu"], "device_ids": ["all"]}
NUMBERS = {"render": "104", "HwHiAiUser": "1001"}  # the host's, of groups that own devices


def called(name: str, variant: Variant) -> str:
    parts = (name, variant.device, variant.version, variant.cuda and f"cuda{variant.cuda}", variant.flavour)
    return " ".join(filter(None, parts))


@dataclass(frozen=True)
class Written:
    path: Path
    choices: Choices

    def compose(self, *files: str) -> dict[str, Any]:
        """The service, as `docker compose config` understands it; neither an engine nor the caller's environment has a say."""
        named = [word for file in files for word in ("--file", file)]
        done = subprocess.run(
            ["docker", "compose", *named, "config", "--format", "json"],
            cwd=self.path,
            env={name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG")}
            | {"RENDER_GID": NUMBERS["render"], "NPU_GID": NUMBERS["HwHiAiUser"]},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr, "Compose warns of something"
        service: dict[str, Any] = json.loads(done.stdout)["services"]["dev"]
        return service


@pytest.fixture(scope="module", autouse=True)
def _compose(request: pytest.FixtureRequest) -> None:
    """Docker's client with Compose is enough."""
    try:
        missing = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0
    except FileNotFoundError:
        missing = True
    if missing and request.config.getoption("--require-engine"):
        pytest.fail("--require-engine: no `docker compose` here", pytrace=False)
    if missing:
        pytest.skip("no `docker compose` here")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME without keys, whose catalogue is the real cache's, and nothing exported that would choose for the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"))
    for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "COMPOSEGEN_CATALOGUE", *Settings().to_variables()):
        monkeypatch.delenv(name, raising=False)
    # Docker finds Compose in the folder of its configuration, where somebody has put it there.
    monkeypatch.setenv("DOCKER_CONFIG", os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def write(home: Path, stack: str, variant: Variant) -> Written:
    """`init` for exactly this variant."""
    request = Request(
        stack,
        home / "folder",
        device=variant.device,
        version=variant.version or None,
        cuda=variant.cuda or None,
        flavour=variant.flavour or None,
        name="variant",
        port=str(free_port()),
        user="root",
    )
    prepared = init.prepare(request, environment={})
    init.write(prepared)
    return Written(request.directory, prepared.choices)


@pytest.mark.parametrize(("stack", "variant"), VARIANTS, ids=[called(*each) for each in VARIANTS])
def test_a_folder_of_it_is_what_compose_takes_it_for(home: Path, stack: str, variant: Variant) -> None:
    written = write(home, stack, variant)
    assert catalogue.stack(stack).variant_of(written.choices) == variant, "what is recorded leads to another variant"
    service = written.compose()
    assert service["build"]["args"]["BASE_IMAGE"] == variant.image
    assert service["container_name"] == "variant"
    assert reserved(service) == ([ALL_GPUS] if variant.needs_gpu else [])
    assert [(each["source"], each["target"]) for each in service.get("devices", [])] == [(each, each) for each in variant.devices]
    assert service.get("group_add", []) == [NUMBERS.get(group, group) for group in variant.groups]
    assert set(service["cap_add"]) >= {"SETUID", *variant.capabilities}
    assert service["security_opt"] == ["no-new-privileges:true", *variant.security_opt]
    [port] = service["ports"]
    assert (port["target"], port["host_ip"]) == (22, "127.0.0.1")
    binds = {each["target"]: each["source"] for each in service["volumes"] if each["type"] == "bind"}
    assert binds.pop("/home/code") == str(written.path.resolve() / "code")
    assert binds.pop("/dev/shm", None) == ("/dev/shm" if variant.shm == "host" else None)
    assert [f"{source}:{target}" for target, source in binds.items()] == list(variant.mounts)
    assert service.get("ipc") == ("host" if variant.shm == "ipc" else None)
    assert service.get("shm_size") == in_bytes(variant.shm)
    assert {each["target"] for each in service["volumes"] if each["type"] == "volume"} == {"/etc/ssh/host_keys", "/var/lib/ide"}
    dockerfile = (written.path / "Dockerfile").read_text()
    assert f"ARG BASE_IMAGE={variant.image}\nFROM ${{BASE_IMAGE}}\n" in dockerfile
    assert all(f" {quote(each)}" in dockerfile for each in (*variant.apt, *variant.pip))


WITH_DEVICE = [(name, variant) for name, variant in reversed(VARIANTS) if variant.device != "cpu"]
FIRST = {(variant.device, variant.contract): (name, variant) for name, variant in WITH_DEVICE}


@pytest.mark.parametrize(("stack", "variant"), FIRST.values(), ids=[called(*each) for each in FIRST.values()])
def test_without_the_device_nothing_of_it_is_asked_for(home: Path, stack: str, variant: Variant) -> None:
    service = write(home, stack, variant).compose("compose.yaml", "compose.nogpu.yaml")
    assert not reserved(service) and not service.get("devices") and not service.get("group_add")
    assert not {str(each["source"]) for each in service["volumes"]} & {mount.split(":")[0] for mount in variant.mounts}
    assert "/home/code" in [each["target"] for each in service["volumes"]]


def reserved(service: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    return found


def in_bytes(shm: str) -> str | None:
    size = SHM_SIZE.fullmatch(shm)
    return str(int(size[1]) * SHM_UNITS[size[2][0].lower()]) if size else None
