"""Where each part of a converted service goes in a folder. A part takes what it understands out of it; the rest is left."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from composegen import host
from composegen.converting import here
from composegen.converting.recognising import Recognised
from composegen.errors import UsageError
from composegen.init import gpus, options, paths
from composegen.model import CODE_TARGET, parse_shm, project_name_from

DEVICES = ("deploy", "resources", "reservations", "devices")
# Where people mount the code they work on; the first that a line has is it.
CODE_TARGETS = (CODE_TARGET, "/workspace", "/work", "/code", "/src", "/app", "/project")
# A command that only keeps a container alive, or gives a shell; here sshd does both.
IDLE = ("bash", "sh", "zsh", "sleep", "tail", "cat", "sshd", "supervisord", "true", "init", "systemd")
BIND = re.compile(r"(?P<source>[^:$]+):(?P<target>/[^:$]*)")
SSH_PORT = re.compile(r"(?:(?P<address>[0-9.]+|\[[0-9a-f:]+\]):)?(?P<port>[0-9]+):22(?:/tcp)?")

# Parts of a service that a folder has of its own; empty: nothing to say.
OWN = {
    "stdin_open": "",
    "tty": "",
    "image": "",
    "init": "",
    "pull_policy": "",
    "healthcheck": "the folder's health check asks sshd",
    "read_only": "a login and an IDE write into the container",
    "links": "a link needs the engine's default bridge; put both on one network, where names are known",
    "external_links": "a link needs the engine's default bridge; put both on one network, where names are known",
}


@dataclass
class Placed:
    """`options` of `init`, what is `left` of the service, the text of the supervised `program`, and `notes`."""

    left: dict[str, Any]
    found: Recognised
    directory: Path
    options: dict[str, Any] = field(default_factory=dict)
    program: str = ""
    notes: list[str] = field(default_factory=list)


Part = Callable[[Placed], None]


def place(service: Mapping[str, Any], found: Recognised, directory: Path) -> Placed:
    """Every part of the service at its place. Raises UsageError: it would end in a folder that cannot be."""
    placed = Placed(here.absolute(service), found, directory)
    placed.options["base"] = found.image
    if not found.listed:
        placed.options["device"] = found.device
    for part in PARTS:
        part(placed)
    for key, why in OWN.items():
        if placed.left.pop(key, None) is not None and why:
            placed.notes.append(f"{key} was left out: {why}")
    return placed


def wants_gpu(service: Mapping[str, Any]) -> bool:
    return bool(_reserved(service)) or "runtime" in service or any("nvidia.com/gpu=" in each for each in service.get("devices", []))


def _reserved(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    place: Any = service
    for key in DEVICES:
        place = place.get(key, {})
    return list(place)


def plain(text: str) -> str | None:
    """A text of the compose file as it is meant; None where Compose is to fill in something."""
    return None if re.search(r"(?<!\$)(?:\$\$)*\$\{", text) else text.replace("$$", "$")


# --- Parts ------------------------------------------------------------------------------------------------------------------


def _name(placed: Placed) -> None:
    given = placed.left.pop("container_name", None)
    if given is None:
        return
    name = project_name_from(given)
    if name != given:
        placed.notes.append(f"the container is called {name}: Compose's names are in lower case")
    placed.options["name"] = name


def _ssh(placed: Placed) -> None:
    """The port that leads to 22 is SSH's; it is for this machine only, unless the line named an address."""
    for given in placed.left.get("ports", []):
        if found := SSH_PORT.fullmatch(given):
            placed.left["ports"].remove(given)
            address = (found["address"] or "").strip("[]")
            if address:
                placed.options["bind"] = address
            if host.port_is_free(int(found["port"]), address or "127.0.0.1") is False and not (placed.directory / ".env").exists():
                placed.notes.append(f"port {found['port']} is taken here; SSH_PORT in .env changes the one that was chosen")
            else:
                placed.options["port"] = found["port"]
            if not address:
                placed.notes.append("SSH is for this machine only; SSH_BIND=0.0.0.0 in .env opens it to others, as in the line")
            break
    _drop_empty(placed, "ports")


def _network(placed: Placed) -> None:
    mode = placed.left.pop("network_mode", "bridge")
    if mode != "bridge":
        placed.notes.append(f"network_mode {mode} was left out: sshd needs a port of its own")


def _shm(placed: Placed) -> None:
    if placed.left.get("ipc") == "host":
        del placed.left["ipc"]
        placed.options["shm"] = "ipc"
        placed.left.pop("shm_size", None)
    if "/dev/shm:/dev/shm" in placed.left.get("volumes", []):
        placed.left["volumes"].remove("/dev/shm:/dev/shm")
        placed.options.setdefault("shm", "host")
    size = placed.left.get("shm_size")
    if size and "shm" not in placed.options:
        # What `init` cannot say, such as 2.5g, Compose can.
        with suppress(UsageError):
            placed.options["shm"] = parse_shm(f"{size}b" if size.isdigit() else size)
            del placed.left["shm_size"]


def _code(placed: Placed) -> None:
    """The folder that somebody works on: mounted where code usually is, or where commands run, or the current one."""
    volumes = placed.left.get("volumes", [])
    binds = {found["target"].rstrip("/"): each for each in volumes if (found := _bind(each))}
    sources = {target: entry.partition(":")[0] for target, entry in binds.items()}
    current = [target for target, source in sources.items() if source == str(Path.cwd())]
    target = next((each for each in (*CODE_TARGETS, str(placed.left.get("working_dir", "")), *current) if each in binds), None)
    if target is None:
        return
    source = sources[target]
    there = Path(source).is_dir()
    if there:
        placed.options["code"] = source
    else:
        placed.notes.append(f"{source} is not there, so code/ in the folder is mounted; CODE_DIR in .env names another")
    if target == CODE_TARGET:
        volumes.remove(binds[target])
    elif there:
        placed.notes.append(f"your code {source} is at {CODE_TARGET}, and at {target} as in the line")


def _bind(entry: Any) -> re.Match[str] | None:
    """`SOURCE:TARGET` of folders, without a mode."""
    found = BIND.fullmatch(entry) if isinstance(entry, str) else None
    return found if found and found["source"].startswith("/") else None


def _mounts(placed: Placed) -> None:
    """What exists and has no mode is a choice of `init`; the rest stays as it is."""
    mounts = []
    for entry in list(placed.left.get("volumes", [])):
        if _bind(entry):
            with suppress(UsageError):
                paths.mount(entry, placed.directory)
                mounts.append(entry)
                placed.left["volumes"].remove(entry)
    placed.options["mounts"] = tuple(mounts)
    _drop_empty(placed, "volumes")


def _environment(placed: Placed) -> None:
    given, kept = placed.left.pop("environment", {}), dict[str, str]()
    if isinstance(given, list):
        given = {key: value if equals else None for key, equals, value in (each.partition("=") for each in given)}
    asked: list[str] = []
    for key, value in given.items():
        meant = None if value is None else plain(value)
        if key == "NVIDIA_VISIBLE_DEVICES" and placed.found.device == "gpu":
            placed.options.setdefault("gpus", f"device={meant}" if meant and meant not in ("all", "void", "none") else "all")
        elif value is not None and meant is None:
            kept[key] = value
        else:
            _variable(placed, asked, key, meant)
    placed.options["env"] = tuple(asked)
    placed.left |= {"environment": kept} if kept else {}


def _variable(placed: Placed, asked: list[str], key: str, value: str | None) -> None:
    """As given, else by its name alone, with its value for `.env`; else not at all."""
    for text in (key if value is None else f"{key}={value}", key):
        if not (why := _refused(text)):
            asked.append(text)
            return
        placed.notes.append(why)


def _refused(variable: str) -> str:
    try:
        options.variable(variable)
    except UsageError as error:
        return f"{error.message}: {error.hint}"
    return ""


def _gpus(placed: Placed) -> None:
    reserved = _reserved(placed.left)
    cdi = [each for each in placed.left.get("devices", []) if each.startswith("nvidia.com/gpu=")]
    _reserve_memory(placed)
    if cdi:
        placed.left["devices"] = [each for each in placed.left["devices"] if each not in cdi]
        _drop_empty(placed, "devices")
    runtime = placed.left.get("runtime")
    if runtime == "nvidia":
        del placed.left["runtime"]
        placed.options["gpu_mode"] = "runtime"
    if placed.found.device != "gpu":
        return
    ids = [each.partition("=")[2] for each in cdi] or [one for each in reserved for one in each.get("device_ids", [])]
    counts = [str(each["count"]) for each in reserved if "count" in each]
    if ids and "all" not in ids:
        placed.options["gpus"] = f"device={','.join(ids)}"
    elif reserved or cdi:
        placed.options["gpus"] = "all" if "-1" in counts or "all" in counts or not counts else counts[0]
    elif runtime != "nvidia":
        placed.options["gpus"] = gpus.NONE
        placed.notes.append("the line asks for no GPU, so the folder has none; take COMPOSE_FILE out of .env for one")
    if any(word != "gpu" for each in reserved for word in each["capabilities"]):
        placed.notes.append("capabilities of --gpus were left out: set NVIDIA_DRIVER_CAPABILITIES with --env instead")


def _reserve_memory(placed: Placed) -> None:
    """Beside a folder's own reservation of GPUs Compose takes memory in the same place only."""
    given = placed.left.pop("deploy", {}).get("resources", {}).get("reservations", {}).get("memory")
    if memory := given or placed.left.pop("mem_reservation", None):
        placed.left["deploy"] = {"resources": {"reservations": {"memory": memory}}}


def _user(placed: Placed) -> None:
    user = placed.left.pop("user", None)
    if user in ("0", "root", "0:0", "root:root"):
        placed.options["user"] = "root"
    elif user is not None:
        placed.notes.append(f"user {user} was left out: whoever logs in has your uid, under the name of SSH_USER in .env")


def _command(placed: Placed) -> None:
    """What the line runs is a program that supervisor keeps running, beside sshd."""
    words = [*placed.left.pop("entrypoint", []), *placed.left.pop("command", [])]
    directory = placed.left.pop("working_dir", "")
    if not any(words) or (PurePosixPath(words[0]).name in IDLE and not _does_something(words)):
        return
    text = shlex.join(each.replace("$$", "$") for each in words)
    if any(plain(each) is None for each in words) or re.search(r"[\r\n]| [;#]", text):
        placed.notes.append(f"its command was left out, since a file of supervisor's cannot hold it: {text[:60]}")
        return
    lines = [
        "; The command of the `docker run` line, kept running beside sshd; remove the file to run it by hand.",
        "",
        "[program:command]",
        f"command={text.replace('%', '%%')}",
        *([f"directory={directory}"] if directory and plain(directory) else []),
    ]
    placed.program = "\n".join(lines) + "\n"
    placed.notes.append("its command runs beside sshd: services/command.conf; remove that file to run it by hand")


def _does_something(words: list[str]) -> bool:
    """`sh -c '…'` is a program of its own, unless it only waits."""
    return "-c" in words and not re.fullmatch(r"\s*(?:sleep .*|tail -f .*|bash|sh|while .*sleep.*)\s*", words[-1])


def _drop_empty(placed: Placed, key: str) -> None:
    if not placed.left.get(key, True):
        del placed.left[key]


PARTS: tuple[Part, ...] = (_name, _ssh, _network, _shm, _code, _mounts, _gpus, _environment, _user, _command)
