"""Acceptance of step 4: each way in which a GPU cannot be had ends with its reason and what to do.

`composegen up` refuses before it builds where that can be seen, and tells what the engine says where it cannot; `docker compose
up 2>&1 | composegen explain -` names the same cause. Each failure is produced for real: by a private engine without a hook and with
CDI off, and by one with a hook that fails as NVIDIA's does. The words of the hook are those of the vendor's program; that it says
them, and that a driver is loaded, is a stand-in's doing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from composegen.doctor.reading import causes
from composegen.host import nvidia
from tests.support import engine as engine_support
from tests.support.cli import Cli, Result
from tests.support.engine import Engine
from tests.support.private_engine import STANDINS, PrivateEngine, started_private_engine

pytestmark = pytest.mark.engine

IMAGE = "nothing:1"  # what fails before a program starts needs none
VENDOR_IMAGE = "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"
DRIVER = "535.183.01"  # runs the CUDA 11.6 of that image


no_driver_here = pytest.mark.skipif(nvidia.driver().there, reason="this host has a driver of NVIDIA's")


@dataclass(frozen=True)
class Folder:
    """A folder that `composegen init mindspore` wrote, on a private engine; its image is made of nothing, in no time."""

    path: Path
    project: str
    cli: Cli
    engine: PrivateEngine

    def __call__(self, *arguments: str, driver: str = DRIVER) -> Result:
        """composegen, where that version of the driver seems to be loaded, or none, and PATH is the engine's."""
        loaded = ("unshare", "--mount", str(STANDINS / "with-driver"), driver) if driver else ()
        path = f"{self.engine.cdi.parent}/bin:{os.environ['PATH']}"
        cli = replace(self.cli, prefix=(*self.engine.prefix, *loaded))
        return cli(*arguments, cwd=self.path, env={**self.engine.env, "PATH": path})

    @property
    def built(self) -> bool:
        return self.engine.run("image", "inspect", f"{self.project}-dev").returncode == 0


@contextlib.contextmanager
def a_folder(engine: PrivateEngine, home: Path) -> Iterator[Folder]:
    folder = Folder(home / "w", engine_support.unique_name(), Cli(home / "home"), engine)
    inside = replace(folder.cli, prefix=engine.prefix)
    inside("init", "mindspore", str(folder.path), "--name", folder.project).ok()
    (folder.path / "Dockerfile").write_text(f"FROM {VENDOR_IMAGE}\nLABEL made=of-nothing\n")
    try:
        yield folder
    finally:
        engine_support.tear_down(engine, folder.project)


@pytest.fixture(scope="module")
def bare_engine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    """An engine that never heard of GPUs: no hook on its PATH, no runtime but its own, CDI off."""
    if subprocess.run(engine_support.as_root("true"), capture_output=True).returncode != 0:
        pytest.skip("a second engine needs root, or sudo without a password")
    options = ("--feature", "cdi=false")
    with started_private_engine(tmp_path_factory.mktemp("bare"), outer=engine, hook=False, options=options) as private:
        make_image(private)
        yield private


@pytest.fixture
def bare(bare_engine: PrivateEngine, tmp_path: Path) -> Iterator[Folder]:
    with a_folder(bare_engine, tmp_path) as folder:
        yield folder


@pytest.fixture(scope="module")
def hooked(private_engine: PrivateEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A folder on the engine with the hook; one for all that the hook may say, since a container that failed can be tried again."""
    make_image(private_engine)
    with a_folder(private_engine, tmp_path_factory.mktemp("hooked")) as folder:
        yield folder


@pytest.fixture
def failing_hook(private_engine: PrivateEngine) -> Iterator[Path]:
    """Where to write what the hook says before it fails; afterwards it is again the one that works."""
    make_image(private_engine)
    hook = private_engine.cdi.parent / "bin/nvidia-container-runtime-hook"
    working = hook.read_bytes()
    words = hook.with_name("hook-says")
    hook.write_text(f"#!/bin/sh\ncat {words} >&2\nexit 1\n")
    try:
        yield words
    finally:
        hook.write_bytes(working)
        words.unlink(missing_ok=True)


def make_image(private: PrivateEngine) -> None:
    empty = subprocess.run(["tar", "--create", "--files-from", "/dev/null"], stdout=subprocess.PIPE, check=True).stdout
    command = [*private.prefix, "docker", "import", "--change", 'CMD ["true"]', "-", IMAGE]
    subprocess.run(command, input=empty, env={**os.environ, **private.env}, capture_output=True, check=True)
    private("tag", IMAGE, VENDOR_IMAGE)


def reservation(**device: Any) -> dict[str, Any]:
    return {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"], **device}]}}}}


def explained(private: PrivateEngine, composegen: Cli, folder: Path, service: dict[str, Any]) -> list[dict[str, Any]]:
    """The matches of the very pipe that the documents show, for a service in a compose.yaml of its own."""
    project = {"services": {"app": {"image": IMAGE, "command": ["true"], "network_mode": "none", **service}}}
    (folder / "compose.yaml").write_text(json.dumps(project))
    pipe = f"docker compose up 2>&1 | {shlex.join([sys.executable, '-m', 'composegen', 'explain', '--json', '-'])}"
    environment = {**composegen.environment(), **private.env}
    said = subprocess.run([*private.prefix, "bash", "-c", pipe], cwd=folder, env=environment, capture_output=True, text=True)
    private("compose", "down", cwd=folder)
    matches: list[dict[str, Any]] = json.loads(said.stdout)["matches"]
    return matches


NOT_KNOWN = {
    "gpu-toolkit-missing": reservation(driver="nvidia", count="all"),
    "gpu-runtime-unknown": {"runtime": "nvidia"},
    "cdi-off": reservation(driver="cdi", device_ids=["nvidia.com/gpu=all"]),
}


@pytest.mark.parametrize("cause", NOT_KNOWN)
def test_an_engine_that_knows_no_gpu_is_explained(bare_engine: PrivateEngine, composegen: Cli, tmp_path: Path, cause: str) -> None:
    (match,) = explained(bare_engine, composegen, tmp_path, NOT_KNOWN[cause])
    assert match["cause"] == cause
    assert "Error response from daemon" in match["evidence"] and match["fix"]


def test_a_reservation_without_a_driver_is_explained(bare_engine: PrivateEngine, composegen: Cli, tmp_path: Path) -> None:
    (match,) = explained(bare_engine, composegen, tmp_path, reservation(count=1))
    assert match["cause"] == "gpu-toolkit-missing"


def test_a_cdi_device_that_nobody_described_is_explained(private_engine: PrivateEngine, composegen: Cli, tmp_path: Path) -> None:
    make_image(private_engine)
    asked = reservation(driver="cdi", device_ids=["nvidia.com/gpu=7"])
    (match,) = explained(private_engine, composegen, tmp_path, asked)
    assert match["cause"] == "cdi-device-unknown" and "nvidia.com/gpu=7" in match["evidence"]
    (match,) = explained(private_engine, composegen, tmp_path, reservation(driver="cdi", count=1))
    assert match["cause"] == "cdi-with-count"


HOOK_SAYS = {
    "driver-older-than-image": "requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer "
    "version, or use an earlier cuda container",
    "driver-library-mismatch": "initialization error: nvml error: driver/library version mismatch",
    "driver-not-loaded": "initialization error: nvml error: driver not loaded",
    "driver-missing": "initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: "
    "no such file or directory",
    "wsl-no-adapter": "initialization error: WSL environment detected but no adapters were found",
    "gpu-id-unknown": "device error: 7: unknown device",
    "gpu-cgroup-denied": "mount error: failed to add device rules: unable to find any existing device filters attached to the "
    "cgroup: bpf_prog_query(BPF_CGROUP_DEVICE) failed: operation not permitted",
    "gpu-ldconfig-failed": "ldcache error: process /sbin/ldconfig.real failed with error code: 1",
    "gpu-driver-in-image": "mount error: file creation failed: /merged/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1: file exists",
}


@pytest.mark.parametrize("cause", HOOK_SAYS)
def test_what_nvidias_hook_says_is_explained(
    private_engine: PrivateEngine, failing_hook: Path, composegen: Cli, tmp_path: Path, cause: str
) -> None:
    failing_hook.write_text(f"Auto-detected mode as 'legacy'\nnvidia-container-cli: {HOOK_SAYS[cause]}\n")
    (match,) = explained(private_engine, composegen, tmp_path, reservation(driver="nvidia", count="all"))
    assert match["cause"] == cause
    assert f"nvidia-container-cli: {HOOK_SAYS[cause]}"[:250] in match["evidence"]


def refuses(done: Result, *words: str) -> None:
    """It says so before it builds."""
    for each in ("error: ", *words):
        assert each in done.stderr, (each, done.stderr)
    assert done.code == 1 and "building" not in done.stderr


SEEN_BEFORE = {  # mode: what is wrong, and what to do about it here
    "deploy": ("the engine has no NVIDIA container toolkit", "nvidia-container-toolkit`"),
    "runtime": ("the engine has no runtime 'nvidia', only", "`sudo nvidia-ctk runtime configure --runtime=docker`"),
    "cdi": ("has CDI switched off", '{"features": {"cdi": true}}'),
}


@pytest.mark.parametrize("mode", SEEN_BEFORE)
def test_up_refuses_a_mode_that_the_engine_lacks(bare: Folder, mode: str) -> None:
    refuses(bare("up", "--gpu-mode", mode), *SEEN_BEFORE[mode])
    assert not bare.built


@no_driver_here
def test_the_doctor_names_the_missing_driver_and_toolkit_with_this_distributions_commands(bare: Folder) -> None:
    done = bare("doctor", "--json", driver="")
    checks = done.checks
    assert done.code == 1 and done.json["ok"] is False
    driver, engine = checks["gpu-driver"], checks["gpu-engine"]
    assert (driver["status"], engine["status"]) == ("fail", "fail")
    assert "sudo apt-get install nvidia-driver" in driver["fix"]
    assert "sudo apt-get install -y nvidia-container-toolkit" in engine["fix"]


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        pytest.param("", ("this host has no NVIDIA driver", "see that `nvidia-smi` works"), marks=no_driver_here),
        ("440.33.01", ("driver 440.33.01 is too old for CUDA 11.6 of the image", "`composegen update --version ", "--cuda 10.1`")),
    ],
)
def test_up_refuses_a_driver_that_does_not_do(hooked: Folder, driver: str, words: tuple[str, ...]) -> None:
    refuses(hooked("up", driver=driver), *words)


def test_up_refuses_a_cdi_device_that_nobody_described_and_offers_what_works(private_engine: PrivateEngine, tmp_path: Path) -> None:
    with a_folder(private_engine, tmp_path) as folder:
        said = "the engine knows no CDI device nvidia.com/gpu=all"
        refuses(folder("up", "--gpu-mode", "cdi"), said, "`composegen up --gpu-mode deploy`")


@pytest.mark.parametrize("cause", HOOK_SAYS)
def test_up_tells_what_nvidias_hook_says(hooked: Folder, failing_hook: Path, cause: str) -> None:
    failing_hook.write_text(f"Auto-detected mode as 'legacy'\nnvidia-container-cli: {HOOK_SAYS[cause]}\n")
    done = hooked("up", "--no-test")
    assert done.code == 1 and HOOK_SAYS[cause] in done.stderr
    assert f"hint: {next(each.title for each in causes() if each.id == cause)}:\n" in done.stderr, done.stderr
