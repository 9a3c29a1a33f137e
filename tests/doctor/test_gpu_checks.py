"""What the doctor says of GPUs: what the folder wants × what the engine offers × what the host has, all as values and files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from composegen import catalogue
from composegen.doctor.checks import CHECKS, GPU
from composegen.doctor.examining import verdict
from composegen.doctor.site import Site, Verdict
from composegen.engine import Info
from composegen.model import Choices, Settings
from tests.engine_room.test_steps import FakeEngine

MINDSPORE = catalogue.stack("mindspore", catalogue.directories((), {}))
CUDA_11_6 = MINDSPORE.variant("gpu", version="2.0.0-alpha")  # wants driver 510.39.01, runs from 450.80.02 on
PLAIN = Info(version="28.5.2", runtimes=("runc",), cdi_directories=("/etc/cdi",), cgroup_driver="cgroupfs")
TOOLKIT = replace(PLAIN, runtimes=("runc", "nvidia"))
CDI = replace(PLAIN, cdi_devices=("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"))


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with two cards and driver 535."""
    write(tmp_path, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n")
    for file in ("dev/nvidia0", "dev/nvidia1", "dev/nvidiactl", "usr/lib64/libnvidia-ml.so.535.183.01"):
        write(tmp_path, file)
    return tmp_path


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def ask(check: str, root: Path, about: Info = TOOLKIT, *, here: bool = True, device: Any = "gpu", **env: str) -> Verdict:
    """What one check says of a folder whose `.env` says `env`."""
    settings = Settings.from_variables({"GPUS": "all", **env})
    variant = CUDA_11_6 if device == "gpu" else MINDSPORE.variant(device) if device == "npu" else None
    site = Site(
        FakeEngine(root, about=about),
        directory=root,
        choices=Choices("mindspore", device=device),
        settings=settings,
        variant=variant,
        systems=("debian",),
        stack=lambda: MINDSPORE,
        root=root,
        here=here,
    )
    return verdict(next(each for each in CHECKS if each.name == check), site)


def says(found: Verdict, status: str, *words: str) -> None:
    assert found.status == status, found
    for word in words:
        assert word in f"{found.detail}\n{found.fix}", (word, found)


@pytest.mark.parametrize("check", [each.name for each in GPU])
def test_a_folder_without_a_gpu_asks_nothing(host: Path, check: str) -> None:
    says(ask(check, host, device="cpu"), "skip")
    says(ask(check, host, COMPOSE_FILE="compose.yaml:compose.nogpu.yaml"), "skip")


# --- The driver -----------------------------------------------------------------------------------------------------------


def test_a_loaded_driver_is_said_with_its_cards(host: Path) -> None:
    says(ask("gpu-driver", host), "ok", "535.183.01, 2 cards")


def test_no_driver_fails_with_this_distributions_command(tmp_path: Path) -> None:
    says(ask("gpu-driver", tmp_path), "fail", "no NVIDIA driver", "apt-get install nvidia-driver")


def test_a_driver_that_is_not_loaded_is_told_from_one_that_is_missing(host: Path) -> None:
    (host / "proc/driver/nvidia/version").unlink()
    says(ask("gpu-driver", host), "fail", "installed and not loaded", "modprobe nvidia")


def test_a_library_that_is_newer_than_the_module_fails(host: Path) -> None:
    (host / "usr/lib64/libnvidia-ml.so.535.183.01").rename(host / "usr/lib64/libnvidia-ml.so.550.54.15")
    says(ask("gpu-driver", host), "fail", "535.183.01", "550.54.15", "reboot")


def test_without_a_driver_cdi_is_offered_where_the_engine_has_the_devices(tmp_path: Path) -> None:
    says(ask("gpu-driver", tmp_path, CDI), "fail", "`composegen up --gpu-mode cdi`")
    says(ask("gpu-driver", tmp_path, CDI, GPU_MODE="cdi"), "warn", "as CDI devices all the same")


def test_another_machines_driver_is_not_judged_by_this_ones(tmp_path: Path) -> None:
    for check in ("gpu-driver", "gpu-devices", "gpu-cuda"):
        says(ask(check, tmp_path, here=False), "skip")


def test_jetson_and_wsl_have_a_driver_of_their_own_kind(tmp_path: Path) -> None:
    write(tmp_path, "etc/nv_tegra_release")
    says(ask("gpu-driver", tmp_path), "ok", "of the system")
    (tmp_path / "etc/nv_tegra_release").unlink()
    write(tmp_path, "dev/dxg")
    write(tmp_path, "usr/lib/wsl/lib/libnvidia-ml.so.555.85.0")
    says(ask("gpu-driver", tmp_path), "ok", "555.85.0, cards unknown")


# --- The engine -----------------------------------------------------------------------------------------------------------


def test_an_engine_without_the_toolkit_fails_with_its_installation(host: Path) -> None:
    says(ask("gpu-engine", host, PLAIN), "fail", "no NVIDIA container toolkit", "apt-get install -y nvidia-container-toolkit")
    says(ask("gpu-engine", host, CDI), "fail", "`composegen up --gpu-mode cdi`")
    says(ask("gpu-engine", host, PLAIN, here=False), "warn", "another machine")
    says(ask("gpu-engine", host, replace(PLAIN, root="/var/snap/docker/common/var-lib-docker")), "fail", "snap")


def test_an_engine_with_the_runtime_alone_is_offered_that(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(ask("gpu-engine", host, TOOLKIT), "fail", "`composegen up --gpu-mode runtime`")  # its hook is on no PATH here
    write(host, "bin/nvidia-container-runtime-hook", "#!/bin/sh\n")
    (host / "bin/nvidia-container-runtime-hook").chmod(0o755)
    monkeypatch.setenv("PATH", str(host / "bin"), prepend=":")
    says(ask("gpu-engine", host, PLAIN), "ok", "toolkit")


def test_the_runtime_must_be_registered(host: Path) -> None:
    says(ask("gpu-engine", host, TOOLKIT, GPU_MODE="runtime"), "ok")
    says(ask("gpu-engine", host, PLAIN, GPU_MODE="runtime"), "fail", "only runc", "nvidia-ctk runtime configure")


@pytest.mark.parametrize(
    ("about", "gpus", "status", "words"),
    [
        (CDI, "all", "ok", "CDI devices"),
        (CDI, "0,1", "ok", "CDI devices"),
        (CDI, "1,7", "fail", "no CDI device nvidia.com/gpu=7; of NVIDIA's it knows nvidia.com/gpu=0"),
        (PLAIN, "all", "fail", "it knows none"),
        (replace(PLAIN, cdi_directories=()), "all", "fail", "has CDI switched off"),
        (replace(PLAIN, cdi_directories=(), version="24.0.7"), "all", "fail", "older than CDI"),
        (replace(PLAIN, version="27.3.1"), "all", "ok", "does not list devices"),
    ],
)
def test_cdi_devices_must_be_known_to_the_engine(host: Path, about: Info, gpus: str, status: str, words: str) -> None:
    says(ask("gpu-engine", host, about, GPU_MODE="cdi", GPUS=gpus), status, words)


# --- Devices --------------------------------------------------------------------------------------------------------------


def test_more_cards_than_there_are_fail(host: Path) -> None:
    says(ask("gpu-devices", host, GPUS="0,1"), "ok", "0, 1 of 2 cards")
    says(ask("gpu-devices", host, GPUS="1,3"), "fail", "GPUS asks for 3, and there is 2 cards", "nvidia-smi -L")


def test_a_uuid_is_looked_up_where_nvidia_smi_answers(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(ask("gpu-devices", host, GPUS="GPU-aaaa"), "ok")  # there is no nvidia-smi that could say otherwise
    listing = "case $1 in *query-gpu*) echo '0, GPU-aaaa-1, H100, 1, 1, 9.0';; -L) echo '(UUID: MIG-cccc)';; esac"
    write(host, "bin/nvidia-smi", f"#!/bin/sh\n{listing}\n")
    (host / "bin/nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(host / "bin"), prepend=":")
    says(ask("gpu-devices", host, GPUS="GPU-aaaa,MIG-cccc"), "ok")
    says(ask("gpu-devices", host, GPUS="GPU-bbbb"), "fail", "GPU-bbbb")


def test_a_specification_of_another_driver_is_stale(host: Path) -> None:
    write(host, "etc/cdi/nvidia.yaml", "hostPath: /usr/lib64/libnvidia-ml.so.535.183.01\n")
    says(ask("gpu-devices", host, CDI, GPU_MODE="cdi"), "ok")
    write(host, "etc/cdi/nvidia.yaml", "hostPath: /usr/lib64/libnvidia-ml.so.525.60.13\n")
    says(ask("gpu-devices", host, CDI, GPU_MODE="cdi"), "fail", "is of driver 525.60.13", "nvidia-ctk cdi generate")


# --- CUDA -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "status", "words"),
    [
        ("535.183.01", "ok", "runs CUDA 11.6 of the image, which needs 510.39.01 or newer. A CUDA on the host plays no part"),
        ("470.42.01", "warn", "minor version compatibility"),
        ("440.33", "fail", "too old for CUDA 11.6 of the image, which needs 450.80.02 or newer"),
    ],
)
def test_the_driver_is_held_against_the_images_cuda(host: Path, version: str, status: str, words: str) -> None:
    write(host, "proc/driver/nvidia/version", f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Sun May 12\n")
    says(ask("gpu-cuda", host), status, words)


def test_a_driver_that_is_too_old_gets_the_newest_version_that_it_runs(host: Path) -> None:
    write(host, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  440.33.01  Sun May 12\n")
    fit = {each.version for each in MINDSPORE.variants if each.cuda == "10.1"}
    found = ask("gpu-cuda", host)
    assert any(f"`composegen update --version {version} --cuda 10.1`" in found.fix for version in fit), found


def test_a_data_centre_card_may_have_forward_compatibility(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(host, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  440.33.01  Sun May 12\n")
    monkeypatch.setenv("PATH", str(host / "bin"), prepend=":")
    for name, status, words in (
        ("Tesla V100-SXM2-16GB", "warn", "cuda-compat-11-6"),
        ("NVIDIA A100-SXM4-40GB", "warn", "forward compatibility"),
        ("NVIDIA GeForce RTX 3090", "fail", "too old"),
    ):
        write(host, "bin/nvidia-smi", f"#!/bin/sh\ncase $1 in *query-gpu*) echo '0, GPU-aaaa, {name}, 1, 1, 8.0';; esac\n")
        (host / "bin/nvidia-smi").chmod(0o755)
        says(ask("gpu-cuda", host), status, words)


# --- What fails later, and other makers --------------------------------------------------------------------------------------


def test_what_takes_a_gpu_away_later_is_a_warning(host: Path) -> None:
    says(ask("gpu-lasting", host), "ok", "cgroupfs")
    says(ask("gpu-lasting", host, replace(TOOLKIT, cgroup_driver="systemd")), "warn", "daemon-reload", "CDI")
    says(ask("gpu-lasting", host, replace(CDI, cgroup_driver="systemd"), GPU_MODE="cdi"), "ok")
    says(ask("gpu-lasting", host, replace(TOOLKIT, security=("rootless",))), "warn", "no-cgroups")
    write(host, "etc/nvidia-container-runtime/config.toml", "[nvidia-container-cli]\nno-cgroups = true\n")
    says(ask("gpu-lasting", host, replace(TOOLKIT, security=("rootless",))), "ok")
    says(ask("gpu-lasting", host, replace(TOOLKIT, security=("selinux",))), "warn", "SELinux", "label=disable")
    write(host, "compose.override.yaml", "services: {dev: {security_opt: [label=disable]}}\n")
    says(ask("gpu-lasting", host, replace(TOOLKIT, security=("selinux",))), "ok")


def test_ascends_devices_and_driver_files_must_be_there(host: Path) -> None:
    says(ask("gpu-other", host, device="npu"), "fail", "/dev/davinci0", "npu-smi info")
    variant = MINDSPORE.variant("npu")
    for path in (*variant.devices, *(mount.partition(":")[0] for mount in variant.mounts)):
        (host / path.lstrip("/")).mkdir(parents=True)
    says(ask("gpu-other", host, device="npu"), "ok", "/dev/davinci0")
    says(ask("gpu-other", host, device="npu", GPU_MODE="runtime"), "fail", "no runtime 'ascend'")
    ascend = replace(PLAIN, runtimes=("runc", "ascend"))
    says(ask("gpu-other", host, ascend, device="npu", GPU_MODE="runtime"), "ok")
