"""On a host with NVIDIA's driver: its GPUs are handed to containers in every way that it offers, and compute there.

`make gpu` runs this and writes docs/evidence-gpu.md. A claim there is the first line of a test's docstring.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from composegen.host import nvidia
from tests.gpu import multiply
from tests.gpu.conftest import OWN, Box, Ways
from tests.support.cdi import specification
from tests.support.cli import Cli

pytestmark = pytest.mark.gpu

Show = Callable[[str, Any], None]
FRAMEWORKS = {"pytorch": ("torch", ("--pip", "torch")), "jax": ("jax", ())}  # package, and options where the vendor's image has it


def in_words(found: dict[str, Any]) -> str:
    """What multiply.py found, in one line; its figures are the host's to tell."""
    said = [f"{each['name']}: {multiply.SIZE}² numbers right, {each['seconds']:.2f} s" for each in found["devices"]]
    return f"{'; '.join(said)}; the driver knows CUDA {found['cuda']}"


def test_the_host(record_property: Show) -> None:
    """On the host itself every GPU multiplies right, with a kernel that the driver compiled"""
    done = subprocess.run([sys.executable, multiply.__file__], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    record_property("shown", in_words(json.loads(done.stdout)))


def test_the_driver(record_property: Show) -> None:
    """Files tell which driver is loaded, and nvidia-smi which cards there are"""
    driver, cards = nvidia.driver(), nvidia.cards()
    assert driver.there and not driver.mismatched, driver
    assert cards.cards and not cards.trouble, cards
    assert driver.cards in (0, len(cards.cards)), (driver, cards)
    record_property("shown", f"{driver.module or driver.library}; {', '.join(card.name for card in cards.cards)}")


def test_the_doctor(composegen: Cli, tmp_path: Path, record_property: Show) -> None:
    """`composegen doctor` finds driver, cards and CUDA of this host as they are"""
    composegen("init", "cuda", "w", cwd=tmp_path).ok()
    names = ("gpu-driver", "gpu-devices", "gpu-cuda")
    checks = composegen("doctor", "w", "--json", cwd=tmp_path).checks
    asked = [checks[name] for name in names]
    record_property("shown", "; ".join(f"{each['name']} {each['status']}: {each['detail']}" for each in asked))
    assert [each["status"] for each in asked[:2]] == ["ok", "ok"]
    # The newest CUDA may well be too new for this driver; then that is what it has to say.
    assert nvidia.driver().module in checks["gpu-cuda"]["detail"]


def test_the_specification(record_property: Show) -> None:
    """The CDI specification that the tests write names every card, and files that exist"""
    written = specification()
    names = [each["name"] for each in written["devices"]]
    edits = [written["containerEdits"], *(each["containerEdits"] for each in written["devices"])]
    files = [node["path"] for edit in edits for node in edit["deviceNodes"]]
    files += [mount["hostPath"] for mount in written["containerEdits"]["mounts"]]
    assert "all" in names and {card.index for card in nvidia.cards().cards} <= set(names)
    assert not [file for file in files if not Path(file).exists()]
    assert any("libcuda.so.1" in mount["containerPath"] for mount in written["containerEdits"]["mounts"])
    record_property("shown", f"devices {', '.join(names)}; {len(set(files))} files")


def test_the_specification_against_nvidias(nvidia_ctk: str, record_property: Show) -> None:
    """It gives each card the device file that NVIDIA's own specification gives it"""
    done = subprocess.run([nvidia_ctk, "cdi", "generate", "--format=json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    theirs = {each["name"]: each["containerEdits"]["deviceNodes"] for each in json.loads(done.stdout)["devices"]}
    ours = {each["name"]: each["containerEdits"]["deviceNodes"] for each in specification()["devices"]}
    common = sorted(ours.keys() & theirs.keys())
    assert common, (ours, theirs)
    for name in common:
        cards = [{node["path"] for node in nodes if node["path"][11:].isdecimal()} for nodes in (ours[name], theirs[name])]
        assert cards[0] == cards[1], name
    record_property("shown", f"the same for {', '.join(common)}")


@pytest.mark.engine
def test_a_container_lists_the_cards(box: Box, record_property: Show) -> None:
    """Over SSH `nvidia-smi -L` lists the host's cards, and `composegen test` finds what was asked for"""
    listed = [line for line in box.says("nvidia-smi -L").splitlines() if line.startswith("GPU ")]
    assert len(listed) == len(nvidia.cards().cards), box.says("nvidia-smi -L")
    (check,) = [each for each in box("test", "--only", "gpu", "--json").json["checks"] if each["name"] == "gpu"]
    assert check["ok"], check
    record_property("shown", check["detail"])


@pytest.mark.engine
def test_a_container_computes(box: Box, record_property: Show) -> None:
    """Over SSH every GPU multiplies right, by the driver alone"""
    found = box.multiplies()
    record_property("shown", in_words(found))
    assert len(found["devices"]) == len(nvidia.cards().cards) and not any(each["wrong"] for each in found["devices"])


@pytest.mark.engine
def test_a_container_gets_the_card_that_env_names(box: Box, record_property: Show) -> None:
    """`GPUS=` in .env, the last card's number: that card and no other computes"""
    card = nvidia.cards().cards[-1]
    set_gpus(box, card.index)
    try:
        box("up", "--no-test", "--recreate").ok()
        listed = box.says("nvidia-smi -L")
        assert listed.count("UUID: GPU-") == 1 and card.uuid in listed, listed
        assert len(box.multiplies()["devices"]) == 1
        record_property("shown", f"GPUS={card.index}: {card.name}")
    finally:
        set_gpus(box, "all")
        box("up", "--no-test", "--recreate").ok()


@pytest.mark.engine
def test_the_driver_s_files_are_no_loss(box: Box, record_property: Show) -> None:
    """What the engine mounts for the GPU is nobody's work: re-creating the container asks nothing because of it"""
    changed = box.engine("diff", box.project).splitlines()
    said = box("up", "--no-test", "--recreate").ok()
    named = [line for line in (said.stdout + said.stderr).splitlines() if "changed outside the volumes" in line]
    assert not named, named
    record_property("shown", f"`docker diff` lists {len(changed)} paths, composegen names none")


def set_gpus(box: Box, ids: str) -> None:
    """As a user edits it."""
    lines = [line for line in (box.path / ".env").read_text().splitlines() if not line.startswith("GPUS=")]
    (box.path / ".env").write_text("\n".join([*lines, f"GPUS={ids}", ""]))


@pytest.mark.engine
def test_a_container_without_gpus_has_none(box: Box, record_property: Show) -> None:
    """With compose.nogpu.yaml the same folder starts, without any GPU"""
    files = ["-f", "compose.yaml", "-f", "compose.nogpu.yaml"]
    try:
        box.engine("compose", *files, "up", "-d", "--wait", cwd=box.path, env=dict(box.env))
        seen = box.says("ls /dev | grep ^nvidia; command -v nvidia-smi; true")
        assert not seen.strip(), seen
        record_property("shown", "neither a device file nor nvidia-smi is there")
    finally:
        box("up", "--no-test", "--recreate").ok()


@pytest.mark.engine
@pytest.mark.frameworks
@pytest.mark.parametrize("stack", FRAMEWORKS)
def test_a_framework_computes(ways: Ways, stack: str, record_property: Show) -> None:
    """The catalogue's checks of framework and GPU pass over SSH"""
    way = next(iter(ways.offered()), OWN)
    source, base, options = bringing(*FRAMEWORKS[stack])
    with ways.box(way, stack, *options, base=base) as box:
        report = box("test", "--only", "framework", "--only", "gpu", "--json").json
        said = (f"{each['name']}: {each['detail']}" for each in report["checks"])
        record_property("shown", "; ".join([*said, f"{way}, {source}"]))
        assert {each["name"]: each["status"] for each in report["checks"]}["framework"] == "ok" and report["ok"], report


def bringing(package: str, options: Sequence[str]) -> tuple[str, str, Sequence[str]]:
    """Where a framework comes from, in words, as a base image, and as options of `init`. Skips where there is none.

    FRAMEWORKS names an image with those that vendors' images have, WHEELS a folder of wheels; else a package index may have it.
    """
    if options and (image := os.environ.get("FRAMEWORKS")):
        return "in an image that has it", image, ()
    wheels = sorted(Path(os.environ["WHEELS"]).glob("*.whl")) if os.environ.get("WHEELS") else []
    if any(wheel.name.startswith(f"{package}-") for wheel in wheels):
        return "from wheels", "", [word for wheel in wheels for word in ("--wheel", str(wheel))]
    ask = [sys.executable, "-m", "pip", "--retries", "0", "--timeout", "10", "index", "versions", package]
    if subprocess.run(ask, capture_output=True).returncode == 0:
        return "from a package index", "", options
    pytest.skip(f"no package index has {package} here, and neither WHEELS nor FRAMEWORKS names it")
