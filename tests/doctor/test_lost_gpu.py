"""Day 30: what is recognised of a container that lost its GPU, or did not start again, and what brings it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.doctor.lost_gpu import Inside, Lost, inside, lost
from composegen.engine import Container
from composegen.host import nvidia
from composegen.host.nvidia import Driver

LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so"
CARD = "0, NVIDIA H100 80GB HBM3, 81559, 72600, 0\n"
HOOK = (  # State.Error of `docker inspect` after a failing hook; engine 28.5, runc 1.1.5
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: error during container init: error running hook #0: "
    "error running hook: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: "
)
NOT_LOADED = f"{HOOK}initialization error: nvml error: driver not loaded"
NO_LIBRARY = (
    f"{HOOK}initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory"
)
MISMATCH = f"{HOOK}initialization error: nvml error: driver/library version mismatch"
STALE = f'error during container init: error mounting "{LIBRARY}.535.1" to rootfs at "{LIBRARY}.535.1": no such file or directory'

LOADED = Driver(module="550.54.15", library="550.54.15")
UPGRADED = Driver(module="535.183.01", library="550.54.15")


def container(state: str = "running", error: str = "") -> Container:
    return Container("1f", "work", state, error=error, exit_code=128 if error else 0)


def driver_of(root: Path, *, module: str, library: str) -> Driver:
    """What a host with these versions has, read from files as on a real one."""
    (root / "proc/driver/nvidia").mkdir(parents=True)
    (root / "usr/lib64").mkdir(parents=True)
    said = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {module}  Sun May 12 19:39:15 UTC 2024\n"
    (root / "proc/driver/nvidia/version").write_text(said)
    (root / f"usr/lib64/libnvidia-ml.so.{library}").touch()
    return nvidia.driver(root)


# --- It did not start ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["created", "exited"])
@pytest.mark.parametrize("error", [NOT_LOADED, NO_LIBRARY, MISMATCH])
def test_a_start_before_the_driver_is_mended_by_another_one(state: str, error: str) -> None:
    found = lost(container(state, error), LOADED)
    assert found and (found.mend, found.title) == (
        "start",
        "it was to start before the NVIDIA driver was ready, as after a reboot",
    )
    assert "550.54.15" in found.fix[0]


@pytest.mark.parametrize(
    ("error", "driver", "title"),
    [
        (NOT_LOADED, Driver(), "the host's NVIDIA driver is installed and not loaded"),
        (NO_LIBRARY, Driver(), "the machine of the engine has no NVIDIA driver"),
        (MISMATCH, UPGRADED, "the NVIDIA driver was upgraded and the old one is still loaded in the kernel"),
        (STALE, LOADED, "the CDI specification names files or devices that this machine no longer has"),
    ],
)
def test_what_is_wrong_with_the_host_is_told_as_explain_does(error: str, driver: Driver, title: str) -> None:
    found = lost(container("exited", error), driver)
    assert found and (found.title, found.mend) == (title, "")
    assert found.fix[0] and found.fix[-1] == "then `composegen start`"


@pytest.mark.parametrize("error", ["", "something that nobody has seen before"])
def test_what_is_not_known_is_not_guessed(error: str) -> None:
    assert lost(container("exited", error), LOADED) is None


# --- It runs ---------------------------------------------------------------------------------------------------------------


def test_a_container_with_the_driver_of_now_is_well() -> None:
    there = inside(f"{LIBRARY}.550.54.15\n{CARD}")
    assert there == Inside("550.54.15", "")
    assert lost(container(), LOADED, there) is None


def test_a_gpu_that_was_lost_comes_back_with_a_new_container() -> None:
    said = "Failed to initialize NVML: Unknown Error\nended with status 255\n"
    found = lost(container(), LOADED, inside(f"{LIBRARY}.550.54.15\n{said}"))
    assert found and (found.title, found.mend) == ("a running container lost its GPU", "recreate")


@pytest.mark.parametrize(
    "said", [CARD, "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.183\n"]
)
def test_a_driver_that_changed_since_the_start_is_known_by_its_version(tmp_path: Path, said: str) -> None:
    host = driver_of(tmp_path, module="550.54.15", library="550.54.15")
    found = lost(container(), host, inside(f"{LIBRARY}.535.183.01\n{said}"))
    assert found and found.mend == "recreate"
    assert found.title == "the NVIDIA driver was changed since the container's start: 535.183.01 in it, 550.54.15 in the kernel"


@pytest.mark.parametrize("library", ["535.183.01", "550.54.15", ""])
def test_an_upgrade_that_waits_for_a_reboot_is_told_before_it_hurts(tmp_path: Path, library: str) -> None:
    host = driver_of(tmp_path, module="535.183.01", library="550.54.15")
    found = lost(container(), host, inside((f"{LIBRARY}.{library}\n" if library else "") + CARD))
    assert found and found.mend == "" and found.fix[0].startswith("reboot")


def test_an_engine_elsewhere_leaves_the_hosts_driver_out() -> None:
    there = inside(f"{LIBRARY}.535.183.01\n{CARD}")
    assert lost(container(), Driver(), there) is None
    assert lost(container("exited", NOT_LOADED), Driver()) != lost(container("exited", NOT_LOADED), LOADED)


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ("", "nothing"),
        ("no answer within 8 s", "no answer within 8 s"),
        ("\0\ufffd garbage", "\0\ufffd garbage"),
    ],
)
def test_an_answer_without_a_card_is_quoted(said: str, trouble: str) -> None:
    assert lost(container(), LOADED, inside(said)) == Lost(f"nvidia-smi lists no GPU in it, and says: {trouble}")


def test_a_container_that_never_had_one_is_told_so() -> None:
    found = lost(container(), LOADED, inside("sh: 1: nvidia-smi: not found\nended with status 127\n"))
    assert found and (found.title, found.mend) == ("the container was started without a GPU", "")


def test_who_was_not_asked_has_lost_nothing() -> None:
    assert lost(container(), LOADED) is None
