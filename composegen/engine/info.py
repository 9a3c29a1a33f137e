"""What `docker info` says of an engine, as far as composegen asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Info:
    """An engine and the machine it runs on, which need not be this one. Empty where an engine, as older ones, does not tell."""

    version: str = ""  # 28.5.2
    compose: str = ""  # 2.40.3; the client's plugins, empty where it has none
    buildx: str = ""
    operating_system: str = ""  # Debian GNU/Linux 12 (bookworm), Docker Desktop, Ubuntu Core 22
    architecture: str = ""  # x86_64, aarch64
    kernel: str = ""
    name: str = ""  # the host's name
    runtimes: tuple[str, ...] = ()  # runc, nvidia …
    default_runtime: str = ""
    cdi_devices: tuple[str, ...] = ()  # nvidia.com/gpu=0 …; since Engine 28.2
    cdi_directories: tuple[str, ...] = ()  # empty: CDI is off, or the engine older than 25
    cgroup_driver: str = ""  # systemd, cgroupfs, none
    cgroup_version: str = ""
    security: tuple[str, ...] = ()  # rootless, userns, selinux, seccomp, apparmor …
    root: str = ""  # where images and volumes lie, as the engine's machine calls it
    processors: int = 0
    memory: int = 0  # bytes
    time: str = ""  # RFC 3339
    mirrors: tuple[str, ...] = ()  # of registries, whichever
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def maps_users(self) -> str:
        """How uids in a container differ from the host's: `rootless`, `userns` (userns-remap) or empty."""
        return next((kind for kind in ("rootless", "userns") if kind in self.security), "")

    @property
    def goes_elsewhere(self) -> bool:
        """Whether it asks mirrors or a proxy, so that a registry's silence towards us proves nothing of it."""
        return bool(self.mirrors or self.http_proxy or self.https_proxy)

    @property
    def desktop(self) -> bool:
        return self.operating_system.startswith("Docker Desktop") or self.name == "docker-desktop"

    @property
    def snap(self) -> bool:
        return self.root.startswith("/var/snap/docker/")

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Info:
        """Read the object of `docker info --format '{{json .}}'`; unknown and absent keys are no error.

        That is SystemInfo of the engine's API, https://docs.docker.com/reference/api/engine/version/v1.51/, seen on Engine 28.5.
        """
        plugins = {
            each.get("Name"): str(each.get("Version") or "") for each in (found.get("ClientInfo") or {}).get("Plugins") or ()
        }
        options = [str(each).partition(",")[0].removeprefix("name=") for each in found.get("SecurityOptions") or ()]
        return cls(
            version=found.get("ServerVersion") or "",
            compose=plugins.get("compose", "").lstrip("v"),
            buildx=plugins.get("buildx", "").lstrip("v"),
            operating_system=found.get("OperatingSystem") or "",
            architecture=found.get("Architecture") or "",
            kernel=found.get("KernelVersion") or "",
            name=found.get("Name") or "",
            runtimes=tuple(found.get("Runtimes") or ()),
            default_runtime=found.get("DefaultRuntime") or "",
            cdi_devices=tuple(each["ID"] for each in found.get("DiscoveredDevices") or () if each.get("Source") == "cdi"),
            cdi_directories=tuple(found.get("CDISpecDirs") or ()),
            cgroup_driver=found.get("CgroupDriver") or "",
            cgroup_version=found.get("CgroupVersion") or "",
            security=tuple(options),
            root=found.get("DockerRootDir") or "",
            processors=found.get("NCPU") or 0,
            memory=found.get("MemTotal") or 0,
            time=found.get("SystemTime") or "",
            mirrors=tuple(_mirrors(found.get("RegistryConfig") or {})),
            http_proxy=found.get("HttpProxy") or "",
            https_proxy=found.get("HttpsProxy") or "",
            no_proxy=found.get("NoProxy") or "",
            warnings=tuple(found.get("Warnings") or ()),
        )


def _mirrors(registries: Mapping[str, Any]) -> list[str]:
    indices = (registries.get("IndexConfigs") or {}).values()
    return [mirror for one in (registries, *indices) for mirror in (one or {}).get("Mirrors") or ()]
