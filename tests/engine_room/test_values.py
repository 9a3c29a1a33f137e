from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from composegen.engine.values import Container

INSPECTED = {
    "Id": "0d77f0",
    "Name": "/work",
    "Image": "sha256:old",
    "RestartCount": 2,
    "State": {
        "Status": "running",
        "ExitCode": 0,
        "Error": "",
        "StartedAt": "2026-11-23T23:39:31Z",
        "Health": {"Status": "healthy"},
    },
    "Config": {
        "Labels": {
            "com.docker.compose.project": "work",
            "com.docker.compose.project.working_dir": "/home/a/work",
            "com.docker.compose.config-hash": "d748",
            "com.docker.compose.image": "sha256:new",
        }
    },
    "HostConfig": {"PortBindings": {"22/tcp": [{"HostIp": "127.0.0.1", "HostPort": "2222"}]}},
    "NetworkSettings": {"Ports": {"22/tcp": [{"HostIp": "127.0.0.1", "HostPort": "2222"}]}},
}


def test_what_docker_inspect_says_is_read() -> None:
    found = Container.from_inspect(INSPECTED)
    assert (found.name, found.state, found.health, found.port, found.restarts) == ("work", "running", "healthy", 2222, 2)
    assert (found.working_dir, found.config_hash, found.image) == (Path("/home/a/work"), "d748", "sha256:new")


@pytest.mark.parametrize(
    ("made_for", "state", "wanted", "held"),
    [
        ("127.0.0.1", "running", ("127.0.0.1", 2222), True),
        ("127.0.0.1", "restarting", ("127.0.0.1", 2222), True),
        ("127.0.0.1", "paused", ("0.0.0.0", 2222), True),
        ("0.0.0.0", "running", ("127.0.0.1", 2222), True),
        ("127.0.0.1", "exited", ("127.0.0.1", 2222), False),
        ("127.0.0.1", "running", ("127.0.0.2", 2222), False),
        ("127.0.0.1", "running", ("127.0.0.1", 2223), False),
    ],
)
def test_a_container_holds_its_port_while_it_lives(made_for: str, state: str, wanted: tuple[str, int], held: bool) -> None:
    binding = {"PortBindings": {"22/tcp": [{"HostIp": made_for, "HostPort": "2222"}]}}
    found = Container.from_inspect({**INSPECTED, "State": {"Status": state}, "HostConfig": binding})
    assert found.binding == (made_for, 2222)
    assert found.holds(*wanted) is held


def test_a_container_that_compose_did_not_make_is_read_as_well() -> None:
    bare = {"Id": "1", "Name": "/x", "State": {"Status": "created"}, "Config": {"Labels": None}, "NetworkSettings": {"Ports": None}}
    found = Container.from_inspect(bare)
    assert (found.working_dir, found.port, found.project) == (None, None, "")


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (Container("1", "w", "running", health="healthy"), "running (healthy)"),
        (Container("1", "w", "exited", exit_code=137), "exited, exit code 137"),
        (Container("1", "w", "created", error="no GPU"), "created, never started: no GPU"),
        (Container("1", "w", "restarting", exit_code=3, restarts=5), "restarting, exit code 3, restarted 5 times"),
    ],
)
def test_a_state_is_said_in_words(container: Container, words: str) -> None:
    assert container.in_words() == words


@pytest.mark.parametrize(
    ("found", "shm"),
    [
        ({"HostConfig": {"IpcMode": "private", "ShmSize": 1 << 30}}, "1073741824b"),
        ({"HostConfig": {"IpcMode": "host", "ShmSize": 1 << 26}}, "ipc"),
        ({"HostConfig": {"ShmSize": 1 << 26}, "Mounts": [{"Source": "/dev/shm", "Destination": "/dev/shm"}]}, "host"),
        ({"HostConfig": {"ShmSize": 1 << 26}, "Mounts": [{"Source": "/elsewhere", "Destination": "/dev/shm"}]}, ""),
        ({}, ""),
    ],
)
def test_the_shared_memory_is_what_the_engine_was_asked_for(found: dict[str, Any], shm: str) -> None:
    assert Container.from_inspect({"Id": "x", "Name": "/x", **found}).shm == shm
