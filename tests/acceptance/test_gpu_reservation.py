"""Acceptance 3: `composegen init mindspore w` starts unchanged on an engine that knows the nvidia driver.

The engine is a private one with a stand-in for NVIDIA's hook, the image one for the vendor's: this proves wiring, never CUDA.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cli import Cli, Result
from tests.support.engine import Engine, tear_down, unique_name
from tests.support.private_engine import PrivateEngine
from tests.support.ssh_client import ssh

pytestmark = pytest.mark.engine

VENDOR_IMAGE = "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"

CDI = {  # https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md
    "cdiVersion": "0.5.0",
    "kind": "standin.example/gpu",
    "devices": [{"name": "0", "containerEdits": {"env": ['STANDIN_CDI=a "b" #c']}}],
}
NO_DRIVER = """#!/bin/sh
echo "Auto-detected mode as 'legacy'" >&2
echo "nvidia-container-cli: initialization error: nvml error: driver not loaded" >&2
exit 1
"""
LOST = "#!/bin/sh\necho Failed to initialize NVML: Unknown Error\nexit 255"
OVERRIDE = "services: {dev: {devices: [standin.example/gpu=0]}}\n"


def test_the_resolved_file_holds_what_the_article_typed(composegen: Cli, engine: Engine, tmp_path: Path) -> None:
    composegen("init", "mindspore", "w", cwd=tmp_path).ok()

    service = json.loads(engine("compose", "config", "--format", "json", cwd=tmp_path / "w"))["services"]["dev"]

    assert [(port["target"], port["host_ip"]) for port in service["ports"]] == [(22, "127.0.0.1")]
    binds = {volume["target"]: volume["source"] for volume in service["volumes"] if volume["type"] == "bind"}
    assert binds["/dev/shm"] == "/dev/shm"
    assert binds["/home/code"] == str(tmp_path / "w/code")
    (reservation,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (reservation["driver"], reservation["capabilities"]) == ("nvidia", ["gpu"])
    assert service["build"]["args"]["BASE_IMAGE"] == VENDOR_IMAGE


def test_the_folder_starts_unchanged_and_nvidia_smi_answers_over_ssh(
    composegen: Cli,
    engine: Engine,
    private_engine: PrivateEngine,
    base_image: str,
    build_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    # In the private engine's network namespace nothing else listens, so that init chooses 2222 there.
    inside = replace(composegen, prefix=private_engine.prefix)
    inside("init", "mindspore", "w", "--name", (name := unique_name()), cwd=tmp_path).ok()
    folder = tmp_path / "w"
    try:
        # Without a network there, the build happens on the machine's engine and the image is carried over.
        engine("compose", "build", cwd=folder, env=build_environment)
        private_engine.take(base_image, as_=VENDOR_IMAGE)
        private_engine.take(f"{name}-dev")

        private_engine("compose", "up", "-d", cwd=folder)

        assert says_over_ssh(private_engine, composegen, "nvidia-smi").startswith("NVIDIA-SMI stand-in")
        assert says_over_ssh(private_engine, composegen, "nvidia-smi -L").count("GPU 0") == 1
        assert private_engine("port", name, "22") == "127.0.0.1:2222"
        options = ("--only", "gpu", "--without", "gpu-compute", "--only", "shm")
        report = inside("test", *options, "--json", cwd=folder, env=private_engine.env).ok().json
        assert {check["name"]: check["status"] for check in report["checks"]} == {"shm": "ok", "gpu": "ok", "gpu-memory": "ok"}

        # What a runtime adds at start is in no file of the folder, and reaches sessions of every kind all the same.
        (private_engine.cdi / "standin.json").write_text(json.dumps(CDI))
        (folder / "compose.override.yaml").write_text(OVERRIDE)
        private_engine("compose", "up", "-d", cwd=folder)
        for ask in ("printenv NVIDIA_VISIBLE_DEVICES STANDIN_CDI", "$SHELL -lc 'printenv NVIDIA_VISIBLE_DEVICES STANDIN_CDI'"):
            assert says_over_ssh(private_engine, composegen, ask) == 'all\na "b" #c\n', ask

        day_30(replace(inside, env={**inside.env, **private_engine.env}), private_engine, folder, name)
    finally:
        tear_down(private_engine, name)
        tear_down(engine, name)


def day_30(composegen: Cli, private: PrivateEngine, folder: Path, name: str) -> None:
    """After weeks: an engine that starts the container before the driver is there, and a GPU that a running container lost."""
    hook = private.cdi.with_name("bin") / "nvidia-container-runtime-hook"
    works = hook.read_text()
    private("stop", name)
    hook.write_text(NO_DRIVER)
    refused = with_1(composegen("start", cwd=folder))
    assert "driver is installed and not loaded" in refused.stderr and "nvml error: driver not loaded" in refused.stderr
    found = with_1(composegen("status", "--json", cwd=folder)).json
    assert (found["state"], found["exit_code"]) == ("exited", 128)
    assert found["gpu_trouble"]["title"] == "the host's NVIDIA driver is installed and not loaded" and found["gpus"] == []
    assert "trouble" in with_1(composegen("status", cwd=folder)).stdout

    hook.write_text(works)
    composegen("start", cwd=folder).ok()
    found = composegen("status", "--json", cwd=folder).ok().json
    assert [card["name"] for card in found["gpus"]] == ["Stand-in GPU"] and found["gpu_trouble"] is None
    assert "Stand-in GPU, 23.4 of 24.0 GiB free, load 0 %" in composegen("status", cwd=folder).ok().stdout

    private("exec", name, "sh", "-c", f'echo "{LOST}" >/usr/bin/nvidia-smi; echo >/opt/notes')
    assert composegen("status", "--json", cwd=folder).ok().json["gpu_trouble"]["title"] == "a running container lost its GPU"
    failed = with_1(composegen("test", "--only", "gpu", "--without", "gpu-compute", cwd=folder)).stdout
    assert failed.count("Failed to initialize NVML: Unknown Error") == failed.count("a running container lost its GPU:") == 2
    refused = with_1(composegen("start", cwd=folder))
    assert "nobody agreed to lose" in refused.stderr and "A /opt/notes" in refused.stderr
    # `composegen up --recreate` would build first, which needs a network.
    private("compose", "up", "-d", "--force-recreate", cwd=folder)
    assert composegen("status", "--json", cwd=folder).ok().json["gpu_trouble"] is None

    spec = private.cdi / "standin.json"
    library = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.183.01"  # of the driver before
    gone = {"hostPath": library, "containerPath": library, "options": ["ro", "bind"]}
    spec.write_text(json.dumps({**CDI, "devices": [{"name": "0", "containerEdits": {"mounts": [gone]}}]}))
    private("stop", name)
    assert library in with_1(composegen("start", cwd=folder)).stderr
    assert "the CDI specification names files" in with_1(composegen("status", cwd=folder)).stdout
    spec.write_text(json.dumps(CDI))
    composegen("start", cwd=folder).ok()


def with_1(done: Result) -> Result:
    """It ended so: an explained failure."""
    assert done.code == 1, done
    return done


def says_over_ssh(private: PrivateEngine, composegen: Cli, command: str) -> str:
    """What `ssh -p 2222 root@127.0.0.1 COMMAND` prints in the engine's network namespace, once sshd is up."""
    key = composegen.home / ".config/composegen/id_ed25519"
    for _ in range(100):
        done = ssh(2222, command, key=key, prefix=private.prefix)
        if done.returncode != 255:
            break
        time.sleep(0.2)
    assert done.returncode == 0, done.stderr
    return done.stdout
