"""`init` with versions, mirrors, images of the user's own and a team's catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.init.conftest import Said, tree

Run = Callable[..., Said]
PAGE = Path(__file__).resolve().parents[2] / "docs/adding-a-stack.md"


def recorded(folder: Path) -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load((folder / "compose.yaml").read_text())["x-composegen"]
    return loaded


def variables(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_a_version_is_recorded_in_full(composegen: Run, here: Path) -> None:
    composegen("init", "pytorch", "w", "--version", "2.6", "--cuda", "12.4", "--flavour", "devel").ok()
    found = recorded(here / "w")
    assert [found[key] for key in ("stack", "device", "version", "cuda", "flavour")] == ["pytorch", "gpu", "2.6.0", "12.4", "devel"]
    assert "pytorch/pytorch:2.6.0-cuda12.4-cudnn9-devel" in (here / "w/compose.yaml").read_text()


def test_a_combination_that_does_not_exist_is_refused_with_what_there_is(refused: Run) -> None:
    said = refused("init", "pytorch", "--version", "2.6", "--cuda", "9.2", says="stack 'pytorch' 2.6 has no CUDA 9.2")
    assert "11.8, 12.4, 12.6" in said.stderr


@pytest.mark.parametrize("given", ["mindspore/mindspore-gpu-11.6", "docker.io/mindspore/mindspore-gpu-11.6:2.0.0-alpha"])
def test_the_wrong_name_of_the_article_is_corrected(composegen: Run, here: Path, given: str) -> None:
    said = composegen("init", "mindspore", "w", "--base", given).ok()
    right = "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"
    assert f"mindspore/mindspore-gpu-11.6 does not exist; {right} was taken" in said.stdout
    assert f"ARG BASE_IMAGE={right}\n" in (here / "w/Dockerfile").read_text() and "base" not in recorded(here / "w")


def test_an_image_of_the_catalogue_given_as_base_is_that_variant(composegen: Run, here: Path) -> None:
    composegen("init", "pytorch", "w", "--base", "pytorch/pytorch:2.4.1-cuda12.1-cudnn9-runtime").ok()
    assert (recorded(here / "w")["version"], recorded(here / "w")["cuda"]) == ("2.4.1", "12.1")


def test_any_tag_of_plain_cuda_is_taken_with_a_warning(composegen: Run, here: Path) -> None:
    said = composegen("init", "cuda", "w", "--base", "nvidia/cuda:11.0.3-runtime-ubuntu18.04").ok()
    assert "is not in the catalogue" in said.stdout and "delete" in said.stdout
    assert recorded(here / "w")["base"] == "nvidia/cuda:11.0.3-runtime-ubuntu18.04"


def test_what_was_never_confirmed_is_said(composegen: Run) -> None:
    assert "confidence" in composegen("init", "mindspore", "--version", "2.2.14").ok().stdout
    assert "confidence" not in composegen("init", "python").ok().stdout


def test_a_mirror_is_this_machines_choice(composegen: Run, here: Path) -> None:
    composegen("init", "pytorch", "w", "--mirror", "cn", "--device", "cpu").ok()
    found = variables(here / "w")
    assert found["BASE_IMAGE"].endswith("library/python:3.11-slim-bookworm")
    assert all("://" in found[name] for name in ("APT_MIRROR", "PIP_INDEX_URL", "FRAMEWORK_INDEX_URL"))
    assert found["FRAMEWORK_INDEX_URL"].rstrip("/").endswith("cpu")
    tracked = "".join(text.decode() for path, text in tree(here / "w").items() if path != ".env")
    assert found["BASE_IMAGE"] not in tracked and found["APT_MIRROR"] not in tracked
    composegen("init", "pytorch", "w", "--mirror", "none").ok()
    assert not {"BASE_IMAGE", "APT_MIRROR", "PIP_INDEX_URL", "FRAMEWORK_INDEX_URL"} & variables(here / "w").keys()


def test_a_mirror_that_does_not_carry_the_image_is_not_named(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--mirror", "cn", "--base", "mindspore/made-up:1").ok()
    assert "daocloud" not in variables(here / "w").get("BASE_IMAGE", "")


def test_a_teams_catalogue_is_named_by_option_or_variable(
    composegen: Run, here: Path, monkeypatch: pytest.MonkeyPatch, refused: Run
) -> None:
    (here / "ours").mkdir()
    (here / "ours/abacus.yaml").write_text(PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0])
    assert "abacus" in composegen("stacks", "--catalogue", "ours").ok().stdout
    composegen("init", "abacus", "--catalogue", "ours").ok()
    composegen("check", "abacus", "--catalogue", "ours").ok()
    assert "no stack named 'abacus'" in composegen("check", "abacus").stderr
    monkeypatch.setenv("COMPOSEGEN_CATALOGUE", str(here / "ours"))
    composegen("check", "abacus").ok()
    composegen("update", "abacus", "--version", "1.2.1").ok()
    assert recorded(here / "abacus")["version"] == "1.2.1"


def test_a_broken_catalogue_is_explained_and_nothing_is_written(composegen: Run, here: Path) -> None:
    (here / "ours").mkdir()
    (here / "ours/abacus.yaml").write_text("name: abacus\ntitle: 3\ncolour: red\n")
    before = tree(here)
    said = composegen("init", "abacus", "--catalogue", "ours")
    assert said.code == 1 and tree(here) == before
    for place in ("line 2: title: ", "line 3: colour: ", "line 1: contracts: ", "line 1: variants: "):
        assert f"ours/abacus.yaml {place}" in said.stderr
    assert said.stderr.splitlines()[-1].startswith("  hint: ")


def test_rocm_and_npu_hand_over_devices_and_can_be_done_without(composegen: Run, here: Path) -> None:
    composegen("init", "pytorch", "r", "--device", "rocm").ok()
    service = yaml.safe_load((here / "r/compose.yaml").read_text())["services"]["dev"]
    assert service["devices"] == ["/dev/kfd", "/dev/dri"] and service["group_add"] == ["video", "${RENDER_GID:-render}"]
    assert service["security_opt"] == ["no-new-privileges:true", "seccomp=unconfined"] and "SYS_PTRACE" in service["cap_add"]
    composegen("init", "mindspore", "n", "--device", "npu", "--gpus", "none").ok()
    service = yaml.safe_load((here / "n/compose.yaml").read_text())["services"]["dev"]
    assert "/dev/davinci_manager" in service["devices"] and service["group_add"] == ["${NPU_GID:-1000}"]
    assert variables(here / "n")["COMPOSE_FILE"] == "compose.yaml:compose.nogpu.yaml"
