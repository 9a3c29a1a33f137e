"""A run → a Compose service: the table of flags first, then those that go together.

Every step takes a run and what is built so far, and adds its part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from composegen.convert import gpus, mounts, networks
from composegen.convert.command import Run
from composegen.convert.flags import FLAGS, PODMAN, Flag
from composegen.convert.notes import Source
from composegen.convert.text import has_expansion
from composegen.errors import UsageError

DEVICES = ("deploy", "resources", "reservations", "devices")


@dataclass
class Built:
    """A service in the making."""

    name: str
    source: Source
    others: dict[str, str]  # the service of each container's name in the same text
    keep_runtime: bool
    service: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, Any] = field(default_factory=dict)  # of the whole document
    volumes: dict[str, Any] = field(default_factory=dict)
    comments: dict[tuple[str | int, ...], list[str]] = field(default_factory=dict)  # by path in the service

    def put(self, path: str, value: Any) -> None:
        """A value at its place: lists grow by what is new, mappings are joined, anything else is replaced."""
        *above, last = path.split(".")
        place = self.service
        for key in above:
            place = place.setdefault(key, {})
        before = place.get(last)
        if isinstance(value, dict):
            value = {**(before or {}), **value}
        elif isinstance(value, list):
            value = [*(before or []), *(each for each in value if each not in (before or []))]
        place[last] = value

    def lost(self, flag: str, why: str, at: int) -> None:
        self.source.note("lost", flag, why, at)
        self.comment(f"{flag} {why}")

    def comment(self, text: str, *path: str | int) -> None:
        self.comments.setdefault(path, []).append(text)


def key_of(name: str) -> str:
    """A name as a key of a mapping, where Compose takes `x-…` for an extension of its own."""
    return f"own-{name}" if name.startswith("x-") else name


Step = Callable[[Run, Built], None]


def build(run: Run, built: Built) -> Built:
    """The whole service. Raises UsageError: a value that Docker would refuse, with its place and flag."""
    built.put("image", run.image.text)
    for flag in (*FLAGS, *PODMAN):
        if flag.name in run.given:
            _from_table(flag, run, built)
    for step in STEPS:
        step(run, built)
    return built


def _from_table(flag: Flag, run: Run, built: Built) -> None:
    words = run.given[flag.name] if flag.takes == "many" else run.given[flag.name][-1:]
    if flag.kind and (flag.takes or run.switched_on(flag.name)):
        built.source.note(flag.kind, flag.name, flag.why, words[-1].at)
        built.comment(f"{flag.name} {flag.why}")
    if not flag.to:
        return
    for word in words:
        with built.source.blamed(word.at, flag.name):
            value = flag.read(word.text) if flag.takes else run.switched_on(flag.name)
        if flag.takes == "one" and value == "":
            continue  # an empty word is the default
        if flag.to == "ports" and value in built.service.get("ports", []):
            raise built.source.refusal(word.at, f"{value} is published twice", "Compose publishes each once; say it once")
        built.put(flag.to, [value] if flag.takes == "many" and not isinstance(value, dict | list) else value)


# --- What goes together -----------------------------------------------------------------------------------------------------


def _command(run: Run, built: Built) -> None:
    entrypoint = run.last("--entrypoint")
    if entrypoint is not None:
        built.put("entrypoint", [entrypoint])
    if run.command:
        built.put("command", [word.text for word in run.command])


def _health(run: Run, built: Built) -> None:
    if command := run.last("--health-cmd"):
        built.put("healthcheck.test", ["CMD-SHELL", command])
    health = built.service.get("healthcheck", {})
    if health.get("disable") and len(health) > 1:
        raise built.source.refusal(run.at("--no-healthcheck"), "--no-healthcheck excludes every --health-… flag", "leave one out")
    if "start_interval" in health:
        health.setdefault("start_period", "0s")  # Compose insists on one; it is the engine's default
    if health.get("disable") is False:
        del built.service["healthcheck"]["disable"]


def _env_files(run: Run, built: Built) -> None:
    """`raw` is Docker's way of reading such a file; Compose's own has quotes and interpolation."""
    for path in run.texts("--env-file"):
        built.put("env_file", [{"path": mounts.host_path(path), "format": "raw"}])


def _network(run: Run, built: Built) -> None:
    own = []
    for flag, key in networks.OF_FLAGS.items():
        for word in run.given.get(flag, ()):
            with built.source.blamed(word.at, flag):
                networks.KEYS[key](word.text)
            own.append((key, word.text))
    at = run.at("--network") if "--network" in run.given else run.image.at
    with built.source.blamed(at, "--network"):
        joined = networks.joined(run.texts("--network"), own)
    if joined.mode == "bridge" and not run.texts("--network"):
        built.comment("As with `docker run`; without this line Compose makes a network of its own.", "network_mode")
    if joined.mode:
        built.put("network_mode", _of_service(joined.mode, built))
    for name, options in joined.networks.items():
        built.put("networks", {key_of(name): options or None})
        built.networks[key_of(name)] = {"name": name, "external": True}
    for flag in networks.NOT_OF_MODES:
        if joined.mode and flag in run.given:
            built.lost(flag, "has no word in Compose but on a network of your own", run.at(flag))


def _of_service(mode: str, built: Built) -> str:
    """`container:NAME` of a service beside this one is Compose's `service:NAME`."""
    kind, _, name = mode.partition(":")
    return f"service:{built.others[name]}" if kind == "container" and name in built.others else mode


def _namespaces(run: Run, built: Built) -> None:
    for key in ("ipc", "pid"):
        if key in built.service:
            built.put(key, _of_service(built.service[key], built))


def _links(run: Run, built: Built) -> None:
    for link in run.texts("--link"):
        name, _, alias = link.partition(":")
        inside = name in built.others
        built.put("links" if inside else "external_links", [f"{built.others.get(name, name)}:{alias or name}"])


def _volumes(run: Run, built: Built) -> None:
    driver = run.last("--volume-driver") or ""
    for flag, read in (("--volume", mounts.volume), ("--mount", mounts.mount)):
        for word in run.given.get(flag, ()):
            with built.source.blamed(word.at, flag):
                mounted = read(word.text)
            built.put("volumes", [mounted.entry])
            if not mounted.volume and (
                mounted.driver or mounted.options or mounted.labels or (flag == "--volume" and _is_made(mounted, driver))
            ):
                built.lost(flag, "has no word in Compose for driver and labels of a volume without a name", word.at)
            if mounted.volume:
                built.volumes[mounted.volume] = _of_document(mounted, driver if flag == "--volume" else "")


def _is_made(mounted: mounts.Mounted, driver: str) -> bool:
    """Whether this is a volume without a name, made by another driver than the engine's own."""
    return driver not in ("", "local") and isinstance(mounted.entry, str) and ":" not in mounted.entry


def _of_document(mounted: mounts.Mounted, driver: str) -> dict[str, Any]:
    """The volume itself; its name keeps Compose from putting the project's in front."""
    said = {"driver": mounted.driver or driver, "driver_opts": mounted.options, "labels": mounted.labels}
    return {"name": mounted.volume, **{key: value for key, value in said.items() if value}}


def _tmpfs(run: Run, built: Built) -> None:
    """The last of one target counts."""
    if "tmpfs" in built.service:
        built.service["tmpfs"] = list({each.partition(":")[0]: each for each in run.texts("--tmpfs")}.values())


def _volumes_from(run: Run, built: Built) -> None:
    for given in run.texts("--volumes-from"):
        name, _, mode = given.partition(":")
        if mode not in ("", "rw"):
            built.lost("--volumes-from", f"is writable in Compose, which does not know :{mode}", run.at("--volumes-from"))
        built.put("volumes_from", [built.others.get(name, f"container:{name}")])


def _devices(run: Run, built: Built) -> None:
    if "devices" in built.service:
        with built.source.blamed(run.at("--device"), "--device"):
            built.service["devices"] = [_device(each) for each in built.service["devices"]]


def _device(given: str) -> str:
    """`SOURCE[:TARGET][:rwm]`, written in full where a mode would stand in the target's place; or the name of a CDI device."""
    if gpus.CDI_NAME.fullmatch(given):
        return given
    source, *rest = given.split(":")
    mode = rest.pop() if rest and re.fullmatch("[rwm]{1,3}", rest[-1]) else ""
    if len(rest) > 1 or not all((source, *rest)) or (not source.startswith("/") and not has_expansion(source)):
        raise UsageError(
            f"'{given}' is not a device", hint="write /dev/NAME[:TARGET][:rwm], or a CDI name such as nvidia.com/gpu=all"
        )
    return ":".join([source, *(rest or [source] if mode else rest), *([mode] if mode else [])])


def _gpus(run: Run, built: Built) -> None:
    asked = []
    for word in run.given.get("--gpus", ()):
        with built.source.blamed(word.at, "--gpus"):
            asked.append(gpus.reservation(word.text))
    runtime = run.last("--runtime") or ("nvidia" if run.program == "nvidia-docker" else "")
    if runtime == "nvidia" and not built.keep_runtime:
        asked = asked or _instead_of_runtime(run, built)
    elif runtime:
        built.put("runtime", runtime)
    if asked:
        built.put(".".join(DEVICES), asked)
        if memory := built.service.pop("mem_reservation", None):
            # Compose takes one word or the other, once there is a reservation of anything.
            built.put("deploy.resources.reservations.memory", memory)


def _instead_of_runtime(run: Run, built: Built) -> list[dict[str, Any]]:
    """The reservation that hands over the GPUs that the older ways name in a variable; none where that says so."""
    visible = run.assigned.get("NV_GPU") or built.service.get("environment", {}).get("NVIDIA_VISIBLE_DEVICES")
    found = gpus.legacy(visible)
    what = "nvidia-docker" if run.program == "nvidia-docker" else "--runtime=nvidia"
    at = run.at("--runtime") if "--runtime" in run.given else run.image.at
    if found is None:
        built.source.note("meaning", what, f"was left out: NVIDIA_VISIBLE_DEVICES={visible} asks for no GPU", at)
        return []
    built.comment(f"{what} as a reservation, for which no runtime of that name need be set up.", "deploy")
    why = "became a reservation, which needs no runtime of that name; --keep-runtime keeps it"
    built.source.note("meaning", what, why, at)
    return [found]


STEPS: tuple[Step, ...] = (
    _command,
    _health,
    _env_files,
    _network,
    _namespaces,
    _links,
    _volumes,
    _tmpfs,
    _volumes_from,
    _devices,
    _gpus,
)
