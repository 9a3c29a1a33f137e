"""What one value of a flag may say, as Docker reads it → what Compose is to say.

Every function raises UsageError with the reason for what Docker would refuse. A text in which Compose is to fill in something
(see `text`) passes as it stands where its form cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from composegen.convert.text import has_expansion
from composegen.errors import UsageError

SIZE = r"[0-9]+(?:\.[0-9]+)? ?(?:[kKmMgGtTpP]?(?:i?[bB])?)"
DURATION = r"(?:0|(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+)"
# pkg/stringutils and opts of docker/cli; names of resources: https://github.com/docker/go-units/blob/master/ulimit.go
RLIMITS = "core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack"
RATE_SIZE, COUNT = r"[0-9]+(?:[kKmMgG]?[bB]?)", r"[0-9]+"
NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"

Reader = Callable[[str], Any]


def text(given: str) -> str:
    return given


def matching(pattern: str, meant: str) -> Reader:
    """A reader of texts of one form; `meant` says in a refusal what was to be there."""

    def read(given: str) -> str:
        if not has_expansion(given) and not re.fullmatch(pattern, given):
            raise UsageError(f"'{given}' is not {meant}", hint=f"give {meant}")
        return given

    return read


def one_of(*words: str) -> Reader:
    return matching("|".join(map(re.escape, words)), f"one of {', '.join(filter(None, words))}")


def integer(given: str) -> int | str:
    matching(r"[-+]?[0-9]+", "a whole number")(given)
    return given if has_expansion(given) else int(given)


def above_zero(given: str) -> int | str:
    matching(r"[0-9]+", "a whole number")(given)
    return given if has_expansion(given) else int(given)


size = matching(SIZE, "a size such as 512m or 8g")


def size_or_unlimited(given: str) -> int | str:
    # As text Compose does not know -1.
    return -1 if given == "-1" else matching(SIZE, "a size such as 8g, or -1")(given)


duration = matching(DURATION, "a time such as 30s or 1m30s")
name = matching(NAME, "a name of letters, digits, _ . -")
address = matching(r"[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*", "an IP address")
mac = matching(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", "a MAC address such as 92:d0:c6:0a:29:33")
restart = matching(r"no|always|unless-stopped|on-failure(?::[0-9]+)?", "one of no, always, unless-stopped, on-failure[:N]")
cpus = matching(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+", "a number of CPUs such as 1.5")
user = matching(r"[^\s:]*(?::[^\s:]*)?", "a user, as NAME[:GROUP] or UID[:GID]")
cpu_list = matching(r"(?:[0-9]+(?:-[0-9]+)?)(?:,[0-9]+(?:-[0-9]+)?)*", "a list of CPUs such as 0-3 or 0,1")
absolute = matching(r"/.*", "an absolute path in the container")
security = matching(r"[a-z-]+(?:[=:].+)?", "a security option such as seccomp=unconfined")
signal = matching(r"(?:SIG)?[A-Z0-9+-]+|[0-9]+", "a signal such as SIGTERM")
cgroup_rule = matching(r"[acb] (?:[0-9]+|\*):(?:[0-9]+|\*) [rwm]{1,3}", "a rule such as 'c 13:* rmw'")
container = matching(r"\S+", "a container's name")


def namespace(*words: str) -> Reader:
    """`host` and the like, or another container's; an empty word is the engine's default."""
    return matching(rf"|{'|'.join(words)}|container:\S+", f"one of {', '.join(words)}, container:NAME")


def seconds(given: str) -> str:
    """A number of seconds as Compose writes times."""
    integer(given)
    if given.startswith("-"):
        raise UsageError(f"'{given}' seconds are forever, which Compose cannot say", hint="give a long time, such as 86400")
    return f"{given}s"


def pair(given: str) -> dict[str, str]:
    """`KEY=VALUE`; the value may be left out."""
    key, _, value = given.partition("=")
    if not key:
        raise UsageError(f"'{given}' has no name in front of =", hint="write KEY=VALUE")
    return {_known(key): value}


def _known(key: str) -> str:
    """A name, in which Compose fills in nothing."""
    if has_expansion(key):
        raise UsageError("only the shell knows the name in front of =", hint="write the name itself: NAME=VALUE")
    return key


def full_pair(given: str) -> dict[str, str]:
    if "=" not in given:
        raise UsageError(f"'{given}' is not KEY=VALUE", hint="write KEY=VALUE")
    return pair(given)


def variable(given: str) -> dict[str, str | None]:
    """`KEY=VALUE`, or `KEY` whose value is the caller's."""
    key, equals, value = given.partition("=")
    if not key or re.search(r"\s", key):
        raise UsageError(f"'{given}' has no variable's name in front of =", hint="write NAME=VALUE, or NAME alone")
    return {_known(key): value if equals else None}


def host(given: str) -> str:
    """`NAME:ADDRESS` or `NAME=ADDRESS`, as Compose's list takes it."""
    found = re.fullmatch(r"([^:=\s]+)[:=]\[?([0-9A-Fa-f:.]+|host-gateway)\]?", given)
    if not found and not has_expansion(given):
        raise UsageError(f"'{given}' is not NAME:ADDRESS", hint="for example db:10.0.0.5, or host.docker.internal:host-gateway")
    return f"{found[1]}={found[2]}" if found and found[2].count(":") > 1 else given.replace("=", ":", 1)


def ulimit(given: str) -> dict[str, Any]:
    found = re.fullmatch(r"([a-z]+)=(-?[0-9]+)(?::(-?[0-9]+))?", given)
    if not found and not has_expansion(given):
        raise UsageError(f"'{given}' is not a limit", hint="write NAME=SOFT[:HARD], such as nofile=1024:2048 or memlock=-1")
    if not found:
        key, _, value = given.partition("=")
        return {key: value}
    if not re.fullmatch(RLIMITS, found[1]):
        raise UsageError.unknown("limit", found[1], RLIMITS.split("|"))
    soft, hard = int(found[2]), int(found[3] or found[2])
    if hard not in (-1, soft) and (soft > hard or soft == -1):
        raise UsageError(f"'{given}' has a soft limit above the hard one", hint="write NAME=SOFT:HARD with SOFT the smaller")
    return {found[1]: soft if soft == hard else {"soft": soft, "hard": hard}}


def weight(given: str) -> list[dict[str, Any]]:
    device, amount = _of_device(given, COUNT, "a weight from 10 to 1000")
    return [{"path": device, "weight": int(amount)}]


def rate(amount: str, meant: str) -> Reader:
    def read(given: str) -> list[dict[str, Any]]:
        device, found = _of_device(given, amount, meant)
        return [{"path": device, "rate": int(found) if found.isdigit() else found}]

    return read


def _of_device(given: str, amount: str, meant: str) -> tuple[str, str]:
    device, _, found = given.rpartition(":")
    if not device.startswith("/dev/") or not re.fullmatch(amount, found):
        raise UsageError(f"'{given}' is not a device with {meant}", hint="write it as /dev/sda:NUMBER")
    return device, found


def tmpfs(given: str) -> str:
    target, _, options = given.partition(":")
    absolute(target)
    for each in filter(None, options.split(",")):
        key, _, value = each.partition("=")
        if key == "size" and not has_expansion(value) and not re.fullmatch(r"[0-9]+[kKmMgG%]?", value):
            raise UsageError(f"'{given}': '{value}' is not a size of a tmpfs", hint="such as size=64m")
    return given


def expose(given: str) -> list[str]:
    """Each port with its protocol: Compose hands a range, or a port without one, to the engine as it stands."""
    if has_expansion(given):
        return [given]
    found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?(?:/(tcp|udp|sctp))?", given.lower())
    if not found:
        raise UsageError(f"'{given}' is not a port to expose", hint="write PORT, PORT-PORT or PORT/udp")
    many, first = _ordered(given, found[1], found[2]), int(found[1])
    return [f"{number}/{found[3] or 'tcp'}" for number in range(first, first + many)]


def port(given: str) -> str:
    """`[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`, or Docker's long form, as Compose's short one."""
    given = _bracketed(_long_port(given) if "=" in given else given)
    if has_expansion(given):
        return given
    found = re.fullmatch(
        r"(?:(?P<address>\[[0-9A-Fa-f:.]+\]|[0-9.]+)?:)??(?:(?P<host>[0-9]+(?:-[0-9]+)?)?:)?"
        r"(?P<inside>[0-9]+(?:-[0-9]+)?)(?:/(?:tcp|udp|sctp))?",
        given.lower(),
    )
    if not found or (found["address"] and not found["address"].startswith("[") and found["address"].count(".") != 3):
        raise UsageError(f"'{given}' is not a port", hint="write [[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/udp], such as 2222:22")
    inside, outside = (_ordered(given, *(found[side] or "").partition("-")[::2]) for side in ("inside", "host"))
    if inside > 1 and outside and outside != inside:
        raise UsageError(f"'{given}' has {outside} ports outside and {inside} inside", hint="give both ranges the same length")
    return given.lower()


def _bracketed(given: str) -> str:
    """An address of IPv6 in front of two ports may stand without brackets, but not in Compose."""
    found = re.fullmatch(r"([0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f]*):([0-9-]*:[^:]+)", given)
    return f"[{found[1]}]:{found[2]}" if found else given


def _ordered(given: str, first: str, last: str | None) -> int:
    """How many ports a range has; 0 where there is none."""
    if not first:
        return 0
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= 65535:
        raise UsageError(f"'{given}' is not a range of ports", hint="ports are numbers up to 65535, the smaller one first")
    return high - low + 1


def _long_port(given: str) -> str:
    """`target=80,published=8080,protocol=udp`; other keys are Swarm's."""
    parts = dict[str, str]()
    for each in given.split(","):
        key, equals, value = each.partition("=")
        if key not in ("target", "published", "protocol") or not equals:
            raise UsageError(f"'{given}': '{each}' is none of target=, published=, protocol=", hint="write it as 8080:80/tcp")
        parts[key] = value
    if "target" not in parts:
        raise UsageError(f"'{given}' names no target", hint="write it as 8080:80/tcp")
    published = f"{parts['published']}:" if "published" in parts else ""
    return f"{published}{parts['target']}/{parts.get('protocol', 'tcp')}"
