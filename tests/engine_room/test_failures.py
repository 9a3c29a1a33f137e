"""What is raised where an engine command failed, and what the doctor makes of its words: tests/doctor/wordings has many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.doctor import explained
from composegen.engine.failures import failure, only_absent
from composegen.errors import CommandFailed, EngineError

UP = ("docker", "compose", "up", "--detach")

REFUSED = {
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?": "does not answer",
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct": "does not answer",
    'error during connect: Get "http://docker.example.com/v1.50/containers/json": command [ssh …]': "does not answer",
    "unable to get image 'x': Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the …": "does not answer",
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock": "may not use",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock": "may not use",
    "docker: 'compose' is not a docker command.\nSee 'docker --help'": "no Compose plugin",
    "docker: unknown command: docker compose\n\nRun 'docker --help' for more information": "no Compose plugin",
    "unknown shorthand flag: 'd' in -d\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]": "no Compose plugin",
    "unknown flag: --hash\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]": "no Compose plugin",
    "docker: unknown command: docker buildx": "BuildKit",
    "compose build requires buildx 0.17.0 or later": "BuildKit",
    "ERROR: BuildKit is enabled but the buildx component is missing or broken.": "BuildKit",
    "Error response from daemon: client version 1.50 is too new. Maximum supported API version is 1.41": "far apart",
}

HINTED = {
    'could not select device driver "nvidia" with capabilities: [[gpu]]': "NVIDIA Container Toolkit",
    "Error response from daemon: unknown or invalid runtime name: nvidia": "NVIDIA Container Toolkit",
    "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=7": "--gpus none",
    "nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown": "--gpus none",
    "Bind for 127.0.0.1:2222 failed: port is already allocated": "SSH_PORT",
    "failed to bind host port for 127.0.0.1:2222:172.17.0.2:22/tcp: address already in use": "SSH_PORT",
    "listen tcp4 10.9.9.9:2222: bind: cannot assign requested address": "SSH_BIND",
    'Conflict. The container name "/work" is already in use by container "0d77"': "COMPOSE_PROJECT_NAME",
    "write /var/lib/docker/tmp: no space left on device": "docker system df",
    "SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain": "CA_BUNDLE",
    "failed to resolve source metadata for docker.io/library/x:1: docker.io/library/x:1: not found": "not in the registry",
    "Error response from daemon: pull access denied for x, repository does not exist": "not in the registry",
    "failed to resolve source metadata: failed to do request: Get …: dial tcp: i/o timeout": "registry cannot be reached",
    "all predefined address pools have been fully subnetted": "network prune",
    'failed to read /w/.env: line 3: unexpected character "\'" in variable name': ".env",
    "Error response from daemon: cannot start a paused container, try unpause instead": "composegen start",
    "Error response from daemon: Container 0d77 is paused, unpause the container before exec": "composegen start",
    "Error response from daemon: container 0d77 is not running": "composegen logs",
    "Error response from daemon: Container 0d77 is restarting, wait until the container is running": "composegen logs",
    "invalid mount config for type bind: bind source path does not exist: /w/code": "CODE_DIR",
}


@pytest.mark.parametrize("said", REFUSED)
def test_an_engine_that_cannot_be_used_is_one_sentence_with_a_hint(said: str) -> None:
    error = explained(failure(UP, 1, said))
    assert type(error) is EngineError
    assert REFUSED[said] in error.message
    assert error.hint


@pytest.mark.parametrize("said", HINTED)
def test_a_known_cause_gets_its_hint_and_keeps_the_engines_words(said: str) -> None:
    error = explained(failure(UP, 1, f"Container x  Starting\n{said}\n"))
    assert isinstance(error, CommandFailed)
    assert HINTED[said] in (error.hint or "")
    assert said in error.output


def test_an_unknown_failure_is_shown_as_it_is() -> None:
    error = explained(failure(UP, 17, "something nobody has seen before"))
    assert isinstance(error, CommandFailed)
    assert (error.message, error.hint, error.exit_code) == (
        "`docker compose up` failed: something nobody has seen before",
        None,
        17,
    )


def test_the_command_can_be_pasted_from_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"
    error = failure((*UP, "a b"), 1, "no", directory=folder)
    assert isinstance(error, CommandFailed)
    assert error.command.startswith("cd '")
    assert error.command.endswith("&& docker compose up --detach 'a b'")


def test_output_that_was_seen_is_not_repeated() -> None:
    error = failure(UP, 1, "write /x: no space left on device", shown=True)
    assert (error.output, error.message) == ("", "`docker compose up` failed")
    assert "docker system df" in (explained(error).hint or "")


@pytest.mark.parametrize(
    ("said", "absent"),
    [
        ("Error response from daemon: No such container: work", True),
        ("error: no such object: work", True),
        ("Error: No such image: work-dev:latest", True),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", False),
    ],
)
def test_what_is_not_there_is_told_from_an_engine_that_cannot_be_used(said: str, absent: bool) -> None:
    assert only_absent(said) is absent


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (("docker", "compose", "--project-name", "work", "down", "--volumes"), "`docker compose down` failed"),
        (("docker", "top", "work", "-eo", "pid"), "`docker top` failed"),
    ],
)
def test_the_failed_command_is_named_without_its_arguments(argv: tuple[str, ...], named: str) -> None:
    assert failure(argv, 1, "").message == named
