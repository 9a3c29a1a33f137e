"""Every way to hand a GPU over, on one engine that has them all: built once, started with each, seen over SSH.

The engine is a private one with stand-ins for NVIDIA's hook, runtime and CDI specification: this proves wiring, never CUDA.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, Result
from tests.support.engine import Engine, tear_down, unique_name
from tests.support.private_engine import STANDINS, PrivateEngine

pytestmark = pytest.mark.engine

CARDS = ("0", "1", "2", "3")  # of the stand-in
MACHINES_OWN = {".env", "compose.gpus.yaml"}  # which git ignores


def cdi_specification() -> dict[str, Any]:
    """As `nvidia-ctk cdi generate` makes it: a device for each card and one for all, and `void` for NVIDIA's own hook."""
    marks = {card: [f"STANDIN_GPU_{card}=1"] for card in CARDS} | {"all": [f"STANDIN_GPU_{card}=1" for card in CARDS]}
    smi = {"hostPath": str(STANDINS / "nvidia-smi"), "containerPath": "/usr/bin/nvidia-smi", "options": ["ro", "bind"]}
    return {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
        "devices": [{"name": name, "containerEdits": {"env": env}} for name, env in marks.items()],
        "containerEdits": {"env": ["NVIDIA_VISIBLE_DEVICES=void"], "mounts": [smi]},
    }


@dataclass(frozen=True)
class Machine:
    """A folder and the private engine on which it is started."""

    private: PrivateEngine
    composegen: Cli
    folder: Path
    name: str
    env: dict[str, str]

    def run(self, *arguments: str) -> Result:
        return self.composegen(*arguments, cwd=self.folder, env=self.env)

    def plain_up(self) -> str:
        """What plain `docker compose up -d` says."""
        done = self.private.run("compose", "up", "-d", cwd=self.folder, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def cards(self) -> str:
        """The cards that the container sees over SSH, as `composegen test` finds them, without a session that lacks the wiring."""
        report = self.run("test", "--only", "gpu", "--without", "gpu-compute", "--only", "environment", "--json")
        checks = {check["name"]: check for check in report.json["checks"]}
        assert report.code == 0, report.stdout
        listed = checks["gpu"]["data"]["devices"] if checks["gpu"]["status"] == "ok" else []
        return ",".join(line.partition(":")[0].removeprefix("GPU ") for line in listed)

    def request(self) -> tuple[str, Any]:
        """The runtime and what was asked of device drivers, as the engine has them."""
        found = json.loads(self.private("inspect", "--format", "{{json .HostConfig}}", self.name))
        return found["Runtime"], [(each["Driver"], each["DeviceIDs"]) for each in found["DeviceRequests"] or ()]

    def set(self, name: str, value: str) -> None:
        """Edit `.env`, as a person would."""
        file = self.folder / ".env"
        lines = file.read_text().splitlines()
        assert any(line.startswith((f"{name}=", f"# {name}=")) for line in lines)
        kept = (f"{name}={value}" if line.startswith((f"{name}=", f"# {name}=")) else line for line in lines)
        file.write_text("\n".join(kept) + "\n")

    def tracked(self) -> dict[str, bytes]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name not in MACHINES_OWN)
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def machine(
    engine: Engine,
    private_engine: PrivateEngine,
    base_image: str,
    build_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machine]:
    """A folder that was built on the machine's engine, since the private one has no network, with its image carried over."""
    name, here = unique_name(), tmp_path_factory.mktemp("modes")
    composegen = Cli(home=here / "home")
    inside = replace(composegen, prefix=private_engine.prefix)
    inside("init", "mindspore", "w", "--name", name, cwd=here).ok()
    specification = private_engine.cdi / "nvidia.json"
    try:
        composegen("build", cwd=here / "w", env=build_environment).ok()
        private_engine.take(base_image)
        private_engine.take(f"{name}-dev")
        specification.write_text(json.dumps(cdi_specification()))
        yield Machine(private_engine, inside, here / "w", name, {**private_engine.env, **build_environment})
    finally:
        specification.unlink(missing_ok=True)
        tear_down(private_engine, name)
        tear_down(engine, name)


@pytest.fixture(autouse=True)
def as_written(machine: Machine) -> None:
    """Every test begins with a project that reserves every GPU, and a machine that agrees."""
    machine.run("init", "mindspore", ".", "--gpu-mode", "deploy", "--gpus", "all").ok()
    assert not (machine.folder / "compose.gpus.yaml").exists()


def test_every_mode_starts_and_hands_over_what_was_asked(machine: Machine) -> None:
    tracked = machine.tracked()

    # The project reserves; which cards is this machine's.
    machine.plain_up()
    assert (machine.request(), machine.cards()) == (("runc", [("nvidia", ["all"])]), "0,1,2,3")
    machine.set("GPUS", "1,3")
    machine.plain_up()
    assert machine.cards() == "1,3"

    # This machine goes by CDI, where each card has a name; plain Compose agrees.
    said = machine.run("up", "--gpu-mode", "cdi", "--no-test", "--recreate").ok().stderr
    assert (
        "wrote GPU_MODE=cdi and COMPOSE_FILE=compose.yaml:compose.gpus.yaml to .env, and compose.gpus.yaml: GPUS=1,3 by cdi" in said
    )
    assert "skipped" in next(line for line in said.splitlines() if line.startswith("build"))
    assert machine.request() == ("runc", [("cdi", ["nvidia.com/gpu=1", "nvidia.com/gpu=3"])])
    assert machine.cards() == "1,3"
    assert "Running" in machine.plain_up()

    # GPUS edited by hand: what follows from it is written anew.
    machine.set("GPUS", "all")
    assert "wrote compose.gpus.yaml: GPUS=all by cdi" in machine.run("up", "--no-test", "--recreate").ok().stderr
    assert machine.cards() == "0,1,2,3"

    # By NVIDIA's runtime, and back to what the project says.
    machine.set("GPU_MODE", "runtime")
    machine.run("init", "mindspore", ".", "--gpus", "device=0,2").ok()
    machine.plain_up()
    assert (machine.request(), machine.cards()) == (("nvidia", []), "0,2")
    machine.run("init", "mindspore", ".", "--gpu-mode", "deploy").ok()
    assert not (machine.folder / "compose.gpus.yaml").exists()
    assert machine.tracked() == tracked


@pytest.mark.parametrize("mode", ["runtime", "cdi"])
def test_a_project_moves_to_another_mode_and_can_do_without_a_gpu(machine: Machine, mode: str) -> None:
    machine.run("update", "--gpu-mode", mode).ok()
    asked = {"runtime": ("nvidia", []), "cdi": ("runc", [("cdi", ["nvidia.com/gpu=all"])])}

    machine.plain_up()
    assert (machine.request(), machine.cards()) == (asked[mode], "0,1,2,3")
    assert not (machine.folder / "compose.gpus.yaml").exists()

    machine.run("init", "mindspore", ".", "--gpus", "none").ok()
    machine.plain_up()
    assert (machine.request(), machine.cards()) == (("runc", []), "")


def test_auto_takes_what_this_engine_offers(machine: Machine) -> None:
    """There is no driver here, so that hook and runtime lead nowhere; a CDI specification names its cards itself."""
    said = machine.run("init", "mindspore", ".", "--gpus", "auto").ok().stdout
    assert "note: --gpus auto: all by cdi, for the engine knows NVIDIA's GPUs as CDI devices" in said
    machine.plain_up()
    assert machine.request() == ("runc", [("cdi", ["nvidia.com/gpu=all"])])


def test_a_reservation_that_was_edited_to_both_count_and_ids_is_explained(machine: Machine) -> None:
    file = machine.folder / "compose.yaml"
    written = file.read_text()
    try:
        file.write_text(written.replace("            - driver: nvidia\n", "            - driver: nvidia\n              count: 1\n"))
        said = machine.private.run("compose", "up", "-d", cwd=machine.folder, env=machine.env).stderr
        explained = machine.composegen("explain", "-", "--json", stdin=said)
        assert [each["cause"] for each in explained.json["matches"]] == ["gpu-count-and-ids"], said
        failed = machine.run("build")
        assert failed.code != 0 and "a reservation names both a number of GPUs and which ones" in failed.stderr
    finally:
        file.write_text(written)


def test_the_doctor_offers_the_mode_that_works_and_up_takes_it(machine: Machine) -> None:
    """Acceptance of step 4. There is no driver here, so that a reservation leads nowhere, and the engine has CDI devices."""
    done = machine.run("doctor", "--json")
    checks = done.checks
    assert done.code == 1 and done.json["ok"] is False
    assert "`composegen up --gpu-mode cdi`" in checks["gpu-driver"]["fix"]

    machine.run("up", "--gpu-mode", "cdi", "--no-test", "--recreate").ok()
    assert machine.cards() == "0,1,2,3"
    checks = machine.run("doctor", "--json").checks
    assert (checks["gpu-driver"]["status"], checks["gpu-engine"]["status"]) == ("warn", "ok")
