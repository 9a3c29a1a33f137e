"""Every flag of `docker run`, as data: what it takes, and where it goes in a Compose service, or why it has no place there.

`tests/convert/test_flags.py` holds the table against the real `docker run --help`. Where a flag goes:
https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from composegen.convert import values
from composegen.convert.notes import Kind
from composegen.convert.values import Reader


@dataclass(frozen=True)
class Flag:
    """`takes`: nothing, one value of which the last counts, or many. `to`: a path in the service; empty: it has no plain place."""

    name: str
    takes: Literal["", "one", "many"]
    to: str = ""
    read: Reader = values.text
    short: str = ""
    kind: Kind | None = None  # of the note that it is not in the result
    why: str = ""
    fields: tuple[str, ...] = ()  # of the engine's container that are not the same then; `*` is any name


def dropped(name: str, takes: Literal["", "one", "many"], why: str, *fields: str, short: str = "") -> Flag:
    """A flag that says nothing about the container itself."""
    return Flag(name, takes, short=short, kind="dropped", why=why, fields=fields)


def lost(name: str, takes: Literal["", "one", "many"], why: str, *fields: str, short: str = "") -> Flag:
    """A flag that Compose has no word for."""
    return Flag(name, takes, short=short, kind="lost", why=why, fields=fields)


_CLIENT = "is about the terminal of `docker run`; `docker compose up` and `attach` have their own"

FLAGS = (
    Flag("--add-host", "many", "extra_hosts", values.host),
    Flag("--annotation", "many", "annotations", values.pair),
    dropped("--attach", "many", _CLIENT, short="-a"),
    Flag("--blkio-weight", "one", "blkio_config.weight", values.above_zero),
    Flag("--blkio-weight-device", "many", "blkio_config.weight_device", values.weight),
    Flag("--cap-add", "many", "cap_add"),
    Flag("--cap-drop", "many", "cap_drop"),
    Flag("--cgroup-parent", "one", "cgroup_parent"),
    Flag("--cgroupns", "one", "cgroup", values.one_of("host", "private", "")),
    dropped("--cidfile", "one", "is a file of `docker run`; `docker compose ps -q` prints the id"),
    Flag("--cpu-period", "one", "cpu_period", values.integer),
    Flag("--cpu-quota", "one", "cpu_quota", values.integer),
    Flag("--cpu-rt-period", "one", "cpu_rt_period", values.integer),
    Flag("--cpu-rt-runtime", "one", "cpu_rt_runtime", values.integer),
    Flag("--cpu-shares", "one", "cpu_shares", values.integer, short="-c"),
    Flag("--cpus", "one", "cpus", values.cpus),
    Flag("--cpuset-cpus", "one", "cpuset", values.cpu_list),
    lost("--cpuset-mems", "one", "has no word in Compose", "HostConfig.CpusetMems"),
    dropped("--detach", "", "is `docker compose up -d`", short="-d"),
    dropped("--detach-keys", "one", _CLIENT),
    Flag("--device", "many", "devices"),
    Flag("--device-cgroup-rule", "many", "device_cgroup_rules", values.cgroup_rule),
    Flag("--device-read-bps", "many", "blkio_config.device_read_bps", values.rate(values.RATE_SIZE, "a rate such as 1mb")),
    Flag("--device-read-iops", "many", "blkio_config.device_read_iops", values.rate(values.COUNT, "a number per second")),
    Flag("--device-write-bps", "many", "blkio_config.device_write_bps", values.rate(values.RATE_SIZE, "a rate such as 1mb")),
    Flag("--device-write-iops", "many", "blkio_config.device_write_iops", values.rate(values.COUNT, "a number per second")),
    dropped("--disable-content-trust", "", "does nothing any more"),
    Flag("--dns", "many", "dns", values.address),
    Flag("--dns-option", "many", "dns_opt"),
    Flag("--dns-search", "many", "dns_search"),
    Flag("--domainname", "one", "domainname"),
    Flag("--entrypoint", "one"),
    Flag("--env", "many", "environment", values.variable, short="-e"),
    Flag("--env-file", "many"),
    Flag("--expose", "many", "expose", values.expose),
    Flag("--gpus", "many"),
    Flag("--group-add", "many", "group_add"),
    Flag("--health-cmd", "one"),
    Flag("--health-interval", "one", "healthcheck.interval", values.duration),
    Flag("--health-retries", "one", "healthcheck.retries", values.above_zero),
    Flag("--health-start-interval", "one", "healthcheck.start_interval", values.duration),
    Flag("--health-start-period", "one", "healthcheck.start_period", values.duration),
    Flag("--health-timeout", "one", "healthcheck.timeout", values.duration),
    dropped("--help", "", "only prints"),
    Flag("--hostname", "one", "hostname", short="-h"),
    Flag("--init", "", "init"),
    Flag("--interactive", "", "stdin_open", short="-i"),
    Flag("--ip", "one"),
    Flag("--ip6", "one"),
    Flag("--ipc", "one", "ipc", values.namespace("none", "private", "shareable", "host")),
    Flag("--isolation", "one", "isolation"),
    dropped("--kernel-memory", "one", "does nothing since Engine 23"),
    Flag("--label", "many", "labels", values.pair, short="-l"),
    Flag("--label-file", "many", "label_file"),
    Flag("--link", "many"),
    Flag("--link-local-ip", "many", fields=("Network.*.IPAMConfig", "Network.*.joined")),
    Flag("--log-driver", "one", "logging.driver"),
    Flag("--log-opt", "many", "logging.options", values.full_pair),
    Flag("--mac-address", "one", fields=("Config.MacAddress", "Network.*.MacAddress", "Network.*.joined")),
    Flag("--memory", "one", "mem_limit", values.size, short="-m"),
    Flag("--memory-reservation", "one", "mem_reservation", values.size),
    Flag("--memory-swap", "one", "memswap_limit", values.size_or_unlimited),
    Flag("--memory-swappiness", "one", "mem_swappiness", values.integer),
    Flag("--mount", "many"),
    Flag("--name", "one", "container_name", values.name),
    Flag("--network", "many"),
    Flag("--network-alias", "many"),
    Flag("--no-healthcheck", "", "healthcheck.disable"),
    Flag("--oom-kill-disable", "", "oom_kill_disable"),
    Flag("--oom-score-adj", "one", "oom_score_adj", values.integer),
    Flag("--pid", "one", "pid", values.namespace("host")),
    Flag("--pids-limit", "one", "pids_limit", values.integer),
    Flag("--platform", "one", "platform"),
    Flag("--privileged", "", "privileged"),
    Flag("--publish", "many", "ports", values.port, short="-p"),
    lost("--publish-all", "", "has no word in Compose: name each port with -p", "HostConfig.PublishAllPorts", short="-P"),
    Flag("--pull", "one", "pull_policy", values.one_of("always", "missing", "never")),
    dropped("--quiet", "", "is about what `docker run` prints", short="-q"),
    Flag("--read-only", "", "read_only"),
    Flag("--restart", "one", "restart", values.restart),
    dropped("--rm", "", "has no word in Compose: `docker compose down` removes the container", "HostConfig.AutoRemove"),
    Flag("--runtime", "one"),
    Flag("--security-opt", "many", "security_opt", values.security),
    Flag("--shm-size", "one", "shm_size", values.size),
    dropped("--sig-proxy", "", _CLIENT),
    Flag("--stop-signal", "one", "stop_signal", values.signal),
    Flag("--stop-timeout", "one", "stop_grace_period", values.seconds),
    Flag("--storage-opt", "many", "storage_opt", values.full_pair),
    Flag("--sysctl", "many", "sysctls", values.full_pair),
    Flag("--tmpfs", "many", "tmpfs", values.tmpfs),
    Flag("--tty", "", "tty", short="-t"),
    Flag("--ulimit", "many", "ulimits", values.ulimit),
    Flag(
        "--use-api-socket",
        "",
        "use_api_socket",
        kind="meaning",
        why="sets DOCKER_CONFIG in Compose, also where you have no credentials",
        fields=("Config.Env",),
    ),
    Flag("--user", "one", "user", values.user, short="-u"),
    Flag("--userns", "one", "userns_mode", values.one_of("host", "")),
    Flag("--uts", "one", "uts", values.one_of("host", "")),
    Flag("--volume", "many", short="-v"),
    Flag("--volume-driver", "one"),
    Flag("--volumes-from", "many", fields=("HostConfig.VolumesFrom", "Mounts")),
    Flag("--workdir", "one", "working_dir", values.absolute, short="-w"),
)

# Older spellings that the real command still takes, and does not list.
SPELLINGS = {"--net": "--network", "--net-alias": "--network-alias", "--dns-opt": "--dns-option"}
# Of podman alone, and none of the container's business.
PODMAN = (
    dropped("--replace", "", "is podman's; `docker compose up` replaces the container where something changed"),
    dropped("--tls-verify", "", "is about pulling"),
    dropped("--systemd", "one", "is podman's"),
)

BY_NAME = {
    **{flag.name: flag for flag in (*FLAGS, *PODMAN)},
    **{flag.short: flag for flag in FLAGS if flag.short},
    **{old: next(flag for flag in FLAGS if flag.name == new) for old, new in SPELLINGS.items()},
}
