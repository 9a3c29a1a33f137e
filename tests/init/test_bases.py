"""`--base` with a tag that the catalogue does not list: its own system and CUDA decide which facts the folder is written with."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from composegen import catalogue
from tests.init.conftest import Said, tree

Run = Callable[..., Said]
CALLER = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "DOCKER_CONFIG")}  # before tests change it
CUDA = catalogue.stack("cuda")


@pytest.fixture(scope="module")
def compose(request: pytest.FixtureRequest) -> Callable[[Path], dict[str, Any]]:
    """The service of a folder as `docker compose config` understands it; Docker's client with Compose is enough."""
    try:
        missing = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0
    except FileNotFoundError:
        missing = True
    if missing and request.config.getoption("--require-engine"):
        pytest.fail("--require-engine: no `docker compose` here", pytrace=False)
    if missing:
        pytest.skip("no `docker compose` here")

    def config(folder: Path) -> dict[str, Any]:
        command = ["docker", "compose", "config", "--format", "json"]
        done = subprocess.run(command, cwd=folder, env=CALLER, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        service: dict[str, Any] = json.loads(done.stdout)["services"]["dev"]
        return service

    return config


def facts(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / ".composegen/variant.json").read_text())
    return loaded


@pytest.mark.parametrize(
    ("image", "system", "cuda"),
    [
        ("nvidia/cuda:11.0.3-runtime-ubuntu18.04", "ubuntu18.04", "11.0"),
        ("nvidia/cuda:11.4.2-cudnn8-devel-ubuntu18.04", "ubuntu18.04", "11.4"),
        ("nvidia/cuda:11.6.0-base-ubuntu20.04", "ubuntu20.04", "11.6"),
        ("docker.io/nvidia/cuda:12.4.0-devel-ubuntu20.04", "ubuntu20.04", "12.4"),
        ("nvidia/cuda:12.9.1-runtime-ubuntu22.04", "ubuntu22.04", "12.9"),
        ("nvcr.io/nvidia/cuda:13.0.0-devel-ubuntu24.04", "ubuntu24.04", "13.0"),
        ("registry.example:5000/hub/nvidia/cuda:12.8.1-devel-ubuntu24.04", "ubuntu24.04", "12.8"),
        (f"nvidia/cuda:12.6.1-devel-ubuntu24.04@sha256:{'0' * 64}", "ubuntu24.04", "12.6"),
    ],
)
def test_the_tag_says_whose_facts_hold(
    composegen: Run, here: Path, compose: Callable[[Path], dict[str, Any]], image: str, system: str, cuda: str
) -> None:
    said = composegen("init", "cuda", "w", "--base", image, "--json").ok().json
    found = facts(here / "w")
    assert (found["contract"]["os"], found["cuda"]) == (system, cuda)
    assert found["minimum_driver"] == CUDA.variant(cuda=cuda).minimum_driver
    assert any(note.startswith(f"{image} is not in the catalogue") for note in said["notes"])
    assert not any("by its tag" in note for note in said["notes"]), "nothing about it is unknown"
    service = compose(here / "w")
    assert service["build"]["args"]["BASE_IMAGE"] == image
    assert service["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    # Ubuntu 18.04 has no such package: apt would stop the build.
    assert ("python-is-python3" in (here / "w/Dockerfile").read_text()) is (system != "ubuntu18.04")


@pytest.mark.parametrize(
    ("tag", "says", "of", "used"),
    [
        ("13.3.1-devel-ubuntu26.04", "ubuntu26.04 with CUDA 13.3", "13.2.1-cudnn-devel-ubuntu24.04", "ubuntu24.04, CUDA 13.2"),
        ("12.9.1-devel-ubuntu26.04", "ubuntu26.04 with CUDA 12.9", "12.9.1-cudnn-devel-ubuntu24.04", "ubuntu24.04, CUDA 12.9"),
        ("13.3.0-runtime-ubuntu22.04", "ubuntu22.04 with CUDA 13.3", "13.2.1-cudnn-devel-ubuntu22.04", "ubuntu22.04, CUDA 13.2"),
        ("12.5.0-devel-ubuntu24.04", "ubuntu24.04 with CUDA 12.5", "12.6.3-cudnn-devel-ubuntu24.04", "ubuntu24.04, CUDA 12.6"),
        ("10.2-base-ubuntu18.04", "ubuntu18.04 with CUDA 10.2", "11.0.3-cudnn8-devel-ubuntu18.04", "ubuntu18.04, CUDA 11.0"),
        ("11.0-base-ubuntu16.04-rc", "ubuntu16.04 with CUDA 11.0", "11.0.3-cudnn8-devel-ubuntu18.04", "ubuntu18.04, CUDA 11.0"),
        ("11.0-devel", "CUDA 11.0", "11.0.3-cudnn8-devel-ubuntu20.04", "ubuntu20.04, CUDA 11.0"),
        ("latest", "of no system and no CUDA", "12.9.1-cudnn-devel-ubuntu22.04", "ubuntu22.04, CUDA 12.9"),
    ],
)
def test_what_the_catalogue_does_not_know_is_said_once_with_what_is_used_instead(
    composegen: Run, here: Path, compose: Callable[[Path], dict[str, Any]], tag: str, says: str, of: str, used: str
) -> None:
    notes = composegen("init", "cuda", "w", "--base", f"nvidia/cuda:{tag}", "--json").ok().json["notes"]
    (note,) = [each for each in notes if "by its tag" in each]
    assert f"nvidia/cuda:{tag} is {says}" in note and f"what is known of nvidia/cuda:{of} is used" in note
    assert f"{used}, driver {facts(here / 'w')['minimum_driver']} or newer" in note
    assert compose(here / "w")["build"]["args"]["BASE_IMAGE"] == f"nvidia/cuda:{tag}"


@pytest.mark.parametrize("tag", ["11.4.2-devel-ubuntu18.04", "13.3.1-devel-ubuntu26.04", "latest"])
def test_the_record_leads_to_the_same_folder(composegen: Run, here: Path, tag: str) -> None:
    composegen("init", "cuda", "w", "--base", f"nvidia/cuda:{tag}").ok()
    before = tree(here / "w")
    composegen("check", "w").ok()
    for words in (["update", "w"], ["init", "cuda", "w"]):
        assert "nothing to write" in composegen(*words).ok().stdout
    assert tree(here / "w") == before


def test_a_folder_follows_the_base_that_it_is_given_later(composegen: Run, here: Path) -> None:
    composegen("init", "cuda", "w").ok()
    composegen("init", "cuda", "w", "--base", "nvidia/cuda:11.4.2-devel-ubuntu18.04").ok()
    assert facts(here / "w")["contract"]["os"] == "ubuntu18.04"
    composegen("init", "cuda", "w", "--base", "nvidia/cuda:12.9.1-cudnn-devel-ubuntu22.04").ok()
    assert facts(here / "w")["contract"]["os"] == "ubuntu22.04"
    assert "\n  base: " not in (here / "w/compose.yaml").read_text()
    composegen("check", "w").ok()


@pytest.mark.parametrize(
    "asked", [["--device", "gpu"], ["--cuda", "11.4"], ["--version", "11.4"], ["--flavour", "ubuntu18.04", "--cuda", "11.4"]]
)
@pytest.mark.parametrize("flavour", ["runtime", "cudnn8-devel"])
def test_the_tag_fills_in_what_was_not_asked(composegen: Run, here: Path, asked: list[str], flavour: str) -> None:
    composegen("init", "cuda", "w", "--base", f"nvidia/cuda:11.4.3-{flavour}-ubuntu18.04", *asked).ok()
    assert (facts(here / "w")["contract"]["os"], facts(here / "w")["cuda"]) == ("ubuntu18.04", "11.4")


def test_what_was_asked_beats_the_tag_and_that_is_said(composegen: Run, here: Path, refused: Run) -> None:
    words = ["init", "cuda", "w", "--base", "nvidia/cuda:13.3.1-devel-ubuntu26.04"]
    refused(*words, "--cuda", "9.2", says="has no CUDA 9.2")
    notes = composegen(*words, "--flavour", "ubuntu22.04", "--json").ok().json["notes"]
    assert facts(here / "w")["contract"]["os"] == "ubuntu22.04"
    assert any("ubuntu26.04 with CUDA 13.3" in note and "ubuntu22.04, CUDA 13.2" in note for note in notes)


@pytest.mark.parametrize("image", ["docker.io/nvidia/cuda:{}", "index.docker.io/nvidia/cuda:{}", "nvidia/cuda:{}"])
def test_an_image_of_the_catalogue_is_that_variant_however_it_is_written(composegen: Run, here: Path, image: str) -> None:
    notes = composegen("init", "cuda", "w", "--base", image.format("11.4.3-cudnn8-devel-ubuntu18.04"), "--json").ok().json["notes"]
    assert facts(here / "w")["version"] == "11.4.3" and "\n  base: " not in (here / "w/compose.yaml").read_text()
    assert not any("not in the catalogue" in note for note in notes)


@pytest.mark.parametrize(
    "image",
    [
        "nvidia/cuda:12.4.1-devel-rockylinux9",
        "nvcr.io/nvidia/cuda:11.8.0-devel-ubi8",
        "nvidia/cuda:12.9.1-cudnn-devel-oraclelinux9",
        "nvidia/cuda:12.9.1-devel-amzn2023",
        "nvidia/cuda:10.2-cudnn7-devel-centos7",
    ],
)
def test_a_system_without_apt_is_refused_with_one_that_has_it(refused: Run, image: str) -> None:
    system = image.rpartition("-")[2]
    said = refused("init", "cuda", "--base", image, says=f"'{image}' is {system} by its tag, and the Dockerfile installs with apt")
    proposed = said.stderr.strip().rpartition(" ")[2]
    assert proposed in [variant.image for variant in CUDA.variants]


def test_the_image_that_is_proposed_has_the_same_cuda(refused: Run) -> None:
    assert "nvidia/cuda:11.8.0-cudnn8-devel-" in refused("init", "cuda", "--base", "nvidia/cuda:11.8.0-devel-ubi8").stderr


# --- What holds for an image of the catalogue holds for one in its place -----------------------------------------------------


IDES = "--version 2.2.14 --cuda 11.6 --flavour wheel is on ubuntu20.04, where current IDEs work"


@pytest.mark.parametrize("base", ["mindspore/mindspore-gpu-cuda11.1:1.5.0-nightly", "team.example/mindspore:mine"])
def test_doubt_the_old_key_and_limits_of_ides_are_said_with_a_base_as_well(composegen: Run, base: str) -> None:
    own = composegen("init", "mindspore", "own", "--version", "1.5.0", "--json").ok().json["notes"]
    other = composegen("init", "mindspore", "other", "--version", "1.5.0", "--base", base, "--json").ok().json["notes"]
    for what in ("of medium confidence", "the key that NVIDIA replaced", "VS Code newer than 1.98 refuses Ubuntu 18.04", IDES):
        assert [what in note for note in own].count(True) == [what in note for note in other].count(True) == 1, what
    assert any(f"what is known of it is used for {base}" in note for note in other)


def test_the_remarks_of_an_unlisted_tag_are_said_each_once(composegen: Run) -> None:
    words = ("init", "cuda", "w", "--base", "nvidia/cuda:11.4.2-devel-ubuntu18.04", "--json")
    for notes in (composegen(*words).ok().json["notes"], composegen("update", "w", "--json").ok().json["notes"]):
        assert len([note for note in notes if "NVIDIA deletes images" in note]) == 1
        assert any("VS Code newer than 1.98" in note for note in notes)


# --- A move keeps what was not asked, as far as the stack has that ---------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "move", "kept"),
    [
        (["pytorch", "--flavour", "devel", "--cuda", "12.4"], ["--version", "2.1"], ("2.1.2", "12.1", "devel")),
        (["pytorch", "--flavour", "devel", "--version", "2.6"], ["--version", "2.5"], ("2.5.1", "12.4", "devel")),
        (["cuda", "--flavour", "ubuntu20.04", "--cuda", "11.4"], ["--version", "11.8.0"], ("11.8.0", "11.8", "ubuntu20.04")),
        (["cuda", "--base", "nvidia/cuda:11.4.2-devel-ubuntu18.04"], ["--cuda", "11.8"], ("11.8.0", "11.8", "ubuntu18.04")),
        (["cuda", "--flavour", "ubuntu20.04", "--cuda", "11.4"], ["--flavour", "ubuntu18.04"], ("11.4.3", "11.4", "ubuntu18.04")),
    ],
)
def test_what_was_not_asked_is_kept_where_the_stack_has_it(
    composegen: Run, here: Path, first: list[str], move: list[str], kept: tuple[str, str, str]
) -> None:
    composegen("init", first[0], "w", *first[1:]).ok()
    had = facts(here / "w")
    composegen("update", "w", *move).ok()
    found = facts(here / "w")
    assert (found["version"], found["cuda"], found["flavour"]) == kept
    assert found["device"] == had["device"]
    composegen("check", "w").ok()
