"""What an engine says about one folder, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT_LABEL = "com.docker.compose.project"
DIRECTORY_LABEL = "com.docker.compose.project.working_dir"
SERVICE_LABEL = "com.docker.compose.service"
HASH_LABEL = "com.docker.compose.config-hash"
IMAGE_LABEL = "com.docker.compose.image"
EVERY_ADDRESS = ("", "0.0.0.0", "::")


@dataclass(frozen=True)
class Container:
    """One container as the engine sees it. `state` is created, running, paused, restarting, exited or dead."""

    id: str
    name: str
    state: str
    health: str = ""  # starting, healthy, unhealthy; empty without a healthcheck
    exit_code: int = 0
    error: str = ""  # the engine's own words when it could not start
    restarts: int = 0
    image: str = ""  # id of the image it was created from
    since: str = ""  # RFC 3339, when it started last
    port: int | None = None  # where its port 22 is published now
    binding: tuple[str, int] | None = None  # address and port of the host that its port 22 is to be published on
    shm: str = ""  # its /dev/shm: host, ipc or bytes as `1073741824b`; empty: something else is mounted there
    project: str = ""
    working_dir: Path | None = None
    config_hash: str = ""

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def paused(self) -> bool:
        return self.state == "paused"

    @property
    def alive(self) -> bool:
        return self.state in ("running", "paused", "restarting")

    def holds(self, address: str, port: int) -> bool:
        """Whether it keeps anybody else from listening there: it has this port, on this address or on every one."""
        if self.binding is None or not self.alive:
            return False
        return self.binding[1] == port and (self.binding[0] == address or not {self.binding[0], address}.isdisjoint(EVERY_ADDRESS))

    def in_words(self) -> str:
        """`running (healthy)`, `exited, exit code 137`, `created, never started: <the engine's error>`."""
        words = self.state
        if self.state in ("exited", "restarting", "dead"):
            words += f", exit code {self.exit_code}"
        elif self.state == "created":
            words += ", never started"
        elif self.health:
            words += f" ({self.health})"
        if self.restarts:
            words += f", restarted {self.restarts} times"
        return f"{words}: {self.error}" if self.error else words

    @classmethod
    def from_inspect(cls, found: dict[str, Any]) -> Container:
        """Read one object of `docker inspect`; unknown and absent keys are no error."""
        state, labels = found.get("State") or {}, (found.get("Config") or {}).get("Labels") or {}
        directory = labels.get(DIRECTORY_LABEL)
        return cls(
            id=found["Id"],
            name=found["Name"].lstrip("/"),
            state=state.get("Status", ""),
            health=(state.get("Health") or {}).get("Status", ""),
            exit_code=state.get("ExitCode", 0),
            error=state.get("Error", ""),
            restarts=found.get("RestartCount", 0),
            image=labels.get(IMAGE_LABEL) or found.get("Image", ""),
            since=state.get("StartedAt", ""),
            port=_published(found),
            binding=_binding(found),
            shm=_shm(found),
            project=labels.get(PROJECT_LABEL, ""),
            working_dir=Path(directory) if directory else None,
            config_hash=labels.get(HASH_LABEL, ""),
        )


def _shm(found: dict[str, Any]) -> str:
    configured = found.get("HostConfig") or {}
    mounted = [mount.get("Source") for mount in found.get("Mounts") or [] if mount.get("Destination") == "/dev/shm"]
    if mounted:
        return "host" if mounted == ["/dev/shm"] else ""
    if configured.get("IpcMode") == "host":
        return "ipc"
    return f"{configured['ShmSize']}b" if configured.get("ShmSize") else ""


def _published(found: dict[str, Any]) -> int | None:
    bindings = ((found.get("NetworkSettings") or {}).get("Ports") or {}).get("22/tcp") or []
    ports = [int(binding["HostPort"]) for binding in bindings if binding.get("HostPort", "").isdigit()]
    return ports[0] if ports else None


def _binding(found: dict[str, Any]) -> tuple[str, int] | None:
    """What it was made with. Unlike what is published now, it is there while the container restarts."""
    bindings = ((found.get("HostConfig") or {}).get("PortBindings") or {}).get("22/tcp") or []
    wanted = [(each.get("HostIp", ""), int(each["HostPort"])) for each in bindings if each.get("HostPort", "").isdigit()]
    return wanted[0] if wanted else None


@dataclass(frozen=True)
class Look:
    """One look at the engine: what is there of this project, and whose it is."""

    container: Container | None  # of the project's name, whoever it belongs to
    image: str = ""  # id of the image that `build` tagged; empty when there is none
    base: str = ""  # id of the base image; empty when it is not there under its name
    folders: tuple[Path, ...] = ()  # every working directory that containers of this project name


@dataclass(frozen=True)
class Loss:
    """What re-creating a container would lose: files outside the volumes, running processes."""

    files: tuple[str, ...] = ()  # the topmost changed paths, as `docker diff` tells: `A /opt/tool`
    processes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.processes)


@dataclass(frozen=True)
class Versions:
    engine: str
    compose: str
