"""Services → one document: their names, the order of their keys, the networks and volumes they share, and comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from composegen.convert.command import Run
from composegen.convert.service import Built, key_of
from composegen.convert.text import Expansions
from composegen.errors import UsageError

HEADER = "Converted by composegen from `docker run`. Plain Compose: edit freely, `docker compose up -d`."

# The order in which a reader wants to know: what runs, how it is reached, what it sees, what it may.
ORDER = re.findall(
    "[a-z_]+",
    """
    image container_name platform pull_policy runtime hostname domainname user group_add working_dir entrypoint command
    init stdin_open tty env_file environment ports expose network_mode networks mac_address links external_links dns
    dns_opt dns_search extra_hosts volumes volumes_from tmpfs devices device_cgroup_rules storage_opt read_only ipc pid
    uts userns_mode cgroup cgroup_parent shm_size privileged cap_add cap_drop security_opt use_api_socket sysctls ulimits
    cpus cpuset cpu_shares cpu_period cpu_quota cpu_rt_period cpu_rt_runtime mem_limit mem_reservation memswap_limit
    mem_swappiness oom_kill_disable oom_score_adj pids_limit blkio_config healthcheck stop_signal stop_grace_period
    restart logging annotations label_file labels isolation deploy
    """,
)


def service_names(found: Sequence[Run]) -> list[str]:
    """Each service is named as its container is, else after its image. Raises UsageError: two containers of one name."""
    given = [name for run in found if (name := run.last("--name"))]
    if twice := [name for name in given if given.count(name) > 1]:
        raise UsageError(f"two lines name their container '{twice[0]}'", hint="an engine has each name once")
    names: list[str] = []
    for run in found:
        name = run.last("--name") or run.image.text.partition("@")[0].rpartition("/")[2].partition(":")[0]
        name = re.sub("[^a-zA-Z0-9._-]+", "-", name).strip("-") or "app"
        name = key_of(name)
        number = 1
        while (numbered := name if number == 1 else f"{name}-{number}") in names:
            number += 1
        names.append(numbered)
    return names


def joined(built: Sequence[Built]) -> tuple[dict[str, Any], dict[tuple[str | int, ...], list[str]]]:
    """The document of all services, and the comments in it."""
    tree: dict[str, Any] = {"services": {each.name: _in_order(each.service) for each in built}}
    comments: dict[tuple[str | int, ...], list[str]] = {}
    for each in built:
        comments |= {("services", each.name, *path): lines for path, lines in each.comments.items()}
        for key in ("networks", "volumes"):
            if found := getattr(each, key):
                tree[key] = {**tree.get(key, {}), **found}
    comments[("services",)] = [HEADER]
    return tree, comments


def _in_order(service: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _without_extensions(key, service[key]) for key in ORDER if key in service}


def _without_extensions(key: str, value: Any) -> Any:
    """Compose takes a key `x-…` of a mapping for an extension of its own, but not in a list of KEY=VALUE."""
    if key not in ("environment", "labels", "annotations", "sysctls") or not any(name.startswith("x-") for name in value):
        return value
    return [name if said is None else f"{name}={said}" for name, said in value.items()]


def finished(value: Any, expansions: Expansions) -> Any:
    """Every text as Compose is to read it, which fills in nothing in names."""
    if isinstance(value, dict):
        return {key: finished(each, expansions) for key, each in value.items()}
    if isinstance(value, list):
        return [finished(each, expansions) for each in value]
    return expansions.as_compose(value) if isinstance(value, str) else value
