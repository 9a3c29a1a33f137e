"""What is read of NVIDIA's driver and cards, from files and from a stand-in `nvidia-smi`."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.host.nvidia import Card, Cards, Driver, cards, driver

# As drivers 535 (proprietary) and 570 (open modules) print it.
PROPRIETARY = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version:  gcc\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build  (dvs-builder@U16)\nGCC version: \n"

CARDS = "0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 72704, 9.0\n1, GPU-bbbb, NVIDIA H100 80GB HBM3, 81559, 4, 9.0\n"
LIST = "GPU 0: NVIDIA H100 (UUID: GPU-aaaa)\n  MIG 1g.10gb Device 0: (UUID: MIG-cccc)\n"


def smi(directory: Path, script: str) -> str:
    path = directory / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def answering(directory: Path, *, cards: str = CARDS, apps: str = "", listed: str = LIST) -> str:
    for name, text in (("cards", cards), ("apps", apps), ("listed", listed)):
        (directory / name).write_text(text)
    where = (
        f"case $1 in *query-gpu*) cat {directory}/cards;; *compute-apps*) cat {directory}/apps;; -L) cat {directory}/listed;; esac"
    )
    return smi(directory, where)


@pytest.mark.parametrize(("said", "version"), [(PROPRIETARY, "535.183.01"), (OPEN, "570.124.06"), ("garbage", ""), ("", "")])
def test_the_loaded_kernel_module_is_read(tmp_path: Path, said: str, version: str) -> None:
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(said)
    assert driver(tmp_path).module == version


def test_a_library_of_another_version_than_the_module_is_a_mismatch(tmp_path: Path) -> None:
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(PROPRIETARY)
    (tmp_path / "usr/lib64").mkdir(parents=True)
    (tmp_path / "usr/lib64/libnvidia-ml.so.550.54.15").touch()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    found = driver(tmp_path)
    assert (found.library, found.mismatched, found.device_files) == ("550.54.15", True, ("/dev/nvidia0",))
    (tmp_path / "usr/lib64/libnvidia-ml.so.535.183.01").touch()
    assert not driver(tmp_path).mismatched


def test_a_host_without_nvidia_has_nothing_of_it(tmp_path: Path) -> None:
    assert driver(tmp_path) == Driver()
    assert not driver(tmp_path).there


def test_cards_their_memory_and_who_uses_them(tmp_path: Path) -> None:
    found = cards(answering(tmp_path, apps="GPU-aaaa, 1, 72000\n"))
    busy, free = found.cards
    assert (busy.name, busy.memory, busy.used, busy.compute) == ("NVIDIA H100 80GB HBM3", 81559, 72704, "9.0")
    assert [(process.user, process.memory) for process in busy.processes] == [("root", 72000)]
    assert free == Card("1", "GPU-bbbb", "NVIDIA H100 80GB HBM3", 81559, 4, "9.0")
    assert (found.mig, found.trouble) == (("MIG-cccc",), "")


def test_what_a_driver_does_not_tell_is_unknown(tmp_path: Path) -> None:
    # vGPU and WSL2 print [N/A] or [Not Supported].
    found = cards(answering(tmp_path, cards="0, GPU-aaaa, GRID T4, [N/A], [N/A], [N/A]\n", apps="GPU-aaaa, 1, [N/A]\n"))
    assert (found.cards[0].memory, found.cards[0].compute, found.cards[0].processes[0].memory) == (None, "", None)


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("sleep 60", "did not answer within 0.2 s"),
        ("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "Driver/library version mismatch"),
        ("exit 9", "ended with status 9"),
        ("printf '\\377\\376 lorem\\n1,2\\n'", "lists no card"),
        ("printf 'a\\033[2Jb\\a\\n'", "it says: a [2Jb"),  # nothing that a terminal obeys
        ("printf 'a\\033[2Jb\\a\\n'; exit 3", "a [2Jb"),
        ("true", "it says: nothing"),
    ],
)
def test_an_nvidia_smi_in_trouble_is_said_in_its_words(tmp_path: Path, script: str, trouble: str) -> None:
    found = cards(smi(tmp_path, script), timeout=0.2 if "sleep" in script else 10)
    assert trouble in found.trouble
    assert found.cards == ()


def test_no_nvidia_smi_is_said(tmp_path: Path) -> None:
    assert cards(str(tmp_path / "nothing")) == Cards(trouble=f"there is no {tmp_path}/nothing on the PATH")
