from __future__ import annotations

from pathlib import Path

import pytest

from composegen.engine.inputs import base_image, digest

COMPOSE = """services:
  dev:
    container_name: ${COMPOSE_PROJECT_NAME}
    build:
      context: .
      args:
        BASE_IMAGE: ${BASE_IMAGE:-python:3.11}
        APT_MIRROR: ${APT_MIRROR:-}

      secrets:
        - ca_bundle
    restart: unless-stopped
    ports:
      - "2222:22"
"""
FILES = {
    "compose.yaml": COMPOSE,
    "Dockerfile": "FROM x\n",
    ".dockerignore": "# Written by composegen.\n*\n!apt.txt\n!container\n!wheels\n",
    "apt.txt": "",
    "container/entrypoint.sh": "#!/bin/sh\n",
    "code/big.bin": "x",
    ".env": "SSH_PORT=2222\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Dockerfile", "FROM y\n"),
        ("apt.txt", "htop\n"),
        ("container/entrypoint.sh", "#!/bin/bash\n"),
        ("container/new.sh", ""),
        ("wheels/a.whl", "wheel"),
        (".dockerignore", "*\n!apt.txt\n!container\n"),
        ("compose.yaml", COMPOSE.replace("context: .", "context: .\n      target: dev")),
        ("compose.override.yaml", "services:\n  dev:\n    build:\n      args:\n        X: y\n"),
        ("compose.override.yaml", "services:\n  dev:\n    extends: {file: other.yaml, service: dev}\n"),
    ],
)
def test_every_input_of_the_build_counts(folder: Path, file: str, text: str) -> None:
    before = digest(folder, {})
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    assert None not in (before, digest(folder, {}))
    assert digest(folder, {}) != before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("code/big.bin", "changed"),
        (".env", "SSH_PORT=2223\n"),
        ("notes.txt", "mine"),
        ("compose.gpus.yaml", "services:\n  dev:\n    runtime: nvidia\n"),
        ("compose.yaml", COMPOSE.replace("2222:22", "2223:22").replace("unless-stopped", "no")),
    ],
)
def test_what_does_not_reach_the_build_does_not_count(folder: Path, file: str, text: str) -> None:
    before = digest(folder, {})
    (folder / file).write_text(text)
    assert digest(folder, {}) == before


def test_variables_count_where_the_build_uses_them(folder: Path) -> None:
    assert digest(folder, {"SSH_PORT": "1"}) == digest(folder, {"SSH_PORT": "2"})
    assert digest(folder, {"APT_MIRROR": "a"}) != digest(folder, {"APT_MIRROR": "b"})


@pytest.mark.parametrize("ignore", ["code\n", "*\n!*.txt\n", ""])
def test_a_dockerignore_that_is_no_list_of_what_is_let_in_leaves_it_to_buildkit(folder: Path, ignore: str) -> None:
    (folder / ".dockerignore").write_text(ignore)
    assert digest(folder, {}) is None


def test_a_file_that_cannot_be_read_leaves_it_to_buildkit(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    assert digest(folder, {}) is None


def test_an_executable_bit_counts(folder: Path) -> None:
    before = digest(folder, {})
    (folder / "container/entrypoint.sh").chmod(0o755)
    assert digest(folder, {}) != before


def test_the_base_image_is_what_compose_would_build_from(folder: Path) -> None:
    assert base_image(folder, {}) == "python:3.11"
    assert base_image(folder, {"BASE_IMAGE": "mine:1"}) == "mine:1"
    (folder / "compose.yaml").write_text(COMPOSE.replace("${BASE_IMAGE:-python:3.11}", "fixed:2"))
    assert base_image(folder, {"BASE_IMAGE": "mine:1"}) == "fixed:2"
    (folder / "compose.yaml").write_text("services: {}\n")
    assert base_image(folder, {}) == ""
