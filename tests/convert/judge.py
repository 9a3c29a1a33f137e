"""The engine as judge: is the container of a `docker run` line the same as that of the file it was converted to?

Nothing here uses composegen's own reading of the line: bash splits it, and `docker create` understands its flags.
"""

from __future__ import annotations

import copy
import io
import json
import re
import subprocess
import tarfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.engine import Engine

Object = dict[str, Any]

# Images that lines may name: an instruction each, as `docker import --change` takes it.
IMAGES = {
    "cvt/app": ('CMD ["/bin/true"]', "EXPOSE 80 443/tcp"),
    "cvt/gpu:12.4-devel": ('CMD ["/bin/true"]', "ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility"),
    "cvt/full": (
        'ENTRYPOINT ["/entry"]',
        'CMD ["one", "two"]',
        "ENV A=image B=image",
        "USER 1000",
        "WORKDIR /srv",
        "VOLUME /var/kept",
        "LABEL team=image",
        "STOPSIGNAL SIGINT",
        'HEALTHCHECK --interval=7s CMD ["/probe"]',
    ),
}
# What is only of `docker run`: `docker create` has no such flags.
ONLY_RUN = ("-d", "--detach", "--detach=true", "--sig-proxy=false", "--detach-keys")
ID = re.compile("[0-9a-f]{64}")
# Shell functions that write down what they are called with, so that bash itself says what a line means.
RECORDER = r"""
exec 3>&1
record() { printf '%s\0' "$@" >&3; printf '\036\0' >&3; }
docker() { record docker "$@"; }
podman() { record podman "$@"; }
nvidia-docker() { record nvidia-docker "$@"; }
sudo() { while [[ $1 == -* ]]; do shift; done; "$@"; }
set -f
"""
PROMPT = re.compile(r"(?m)^(?:(?:[$#]|\S+@\S+\$) (?=(?:sudo )?docker)|> )")
NETWORK, SUBNET = "cvt-net", "10.231.77.0/24"
OTHER_NETWORK = "cvt-other"


@dataclass
class Bench:
    """A scratch folder, a prefix for everything that is made on the engine, and its removal."""

    engine: Engine
    folder: Path
    prefix: str = field(default_factory=lambda: f"cvt{uuid.uuid4().hex[:6]}")
    names: dict[str, str] = field(default_factory=dict)  # of every container by its id
    seen: dict[str, list[Object | str]] = field(default_factory=dict)  # what lines have made already

    def own(self, text: str) -> str:
        """Names of the data file as names of this run."""
        return text.replace("cvt-", f"{self.prefix}-").replace("cvt/", f"{self.prefix}/")

    def prepare(self) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name in ("bin/true", "entry", "probe"):
                tar.addfile(tarfile.TarInfo(name))
        (self.folder / "root.tar").write_bytes(archive.getvalue())
        for name, changes in IMAGES.items():
            words = [word for change in changes for word in ("--change", change)]
            self.engine("import", *words, str(self.folder / "root.tar"), self.own(name))
        self.engine("network", "create", "--subnet", SUBNET, self.own(NETWORK))
        self.engine("network", "create", self.own(OTHER_NETWORK))
        for name in ("cvt-db", "cvt-cache"):
            self.engine("create", "--name", self.own(name), "-v", "/kept", self.own("cvt/app"))
        (self.folder / "vars.env").write_text('A=1\nB="two words"\nC=$HOME\n# comment\nHOME\n')
        (self.folder / "labels.txt").write_text("team=research\nstage=test\n")
        (self.folder / "seccomp.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
        (self.folder / "src").mkdir()

    def remove(self) -> None:
        for listing, removing in (
            (["ps", "-aq", "--filter", f"name={self.prefix}"], ["rm", "-f", "-v"]),
            (["ps", "-aq", "--filter", f"label=com.docker.compose.project={self.prefix}"], ["rm", "-f", "-v"]),
            (["network", "ls", "-q", "--filter", f"name={self.prefix}"], ["network", "rm"]),
            (["volume", "ls", "-q", "--filter", f"name={self.prefix}"], ["volume", "rm", "-f"]),
            (["image", "ls", "-q", "--filter", f"reference={self.prefix}/*"], ["image", "rm", "-f"]),
        ):
            if found := self.engine.run(*listing).stdout.split():
                self.engine.run(*removing, *dict.fromkeys(found))

    # --- From the line ------------------------------------------------------------------------------------------------------

    def words(self, text: str) -> list[list[str]]:
        """What bash makes of a text: the words of every docker, podman or nvidia-docker command in it."""
        script = self.folder / f"{uuid.uuid4().hex}.sh"
        script.write_text(RECORDER + PROMPT.sub("", text))
        done = subprocess.run(["bash", str(script)], cwd=self.folder, capture_output=True, text=True)
        commands = [each.split("\0")[:-1] for each in done.stdout.split("\036\0")]
        return [each for each in commands if each and ("run" in each or "create" in each)]

    def _created(self, argv: Sequence[str]) -> str:
        """The id of the container that a line makes; or why it makes none."""
        behind = argv[next(number for number, word in enumerate(argv) if word in ("run", "create")) + 1 :]
        runtime = ["--runtime=nvidia"] if argv[0] == "nvidia-docker" else []
        done = self.engine.run("create", *runtime, *_without_run(behind), cwd=self.folder)
        return done.stderr.strip() if done.returncode != 0 else done.stdout.strip().splitlines()[-1]

    def all_created(self, texts: Sequence[str]) -> list[list[Object | str]]:
        """The containers of every text, or why there is none; several are made at a time, each once, and all are removed."""
        new = [text for text in texts if text not in self.seen]
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda text: [self._created(argv) for argv in self.words(text)], new))
        found = self._inspected([each for ids in made for each in ids if ID.fullmatch(each)])
        self.seen |= {text: [found.get(each, each) for each in ids] for text, ids in zip(new, made, strict=True)}
        return [copy.deepcopy(self.seen[text]) for text in texts]

    def _inspected(self, ids: Sequence[str]) -> dict[str, Object]:
        """What the engine says of these containers, which are removed then."""
        if not ids:
            return {}
        found = {each["Id"]: each for each in json.loads(self.engine("inspect", *ids))}
        self.engine("rm", "-f", "-v", *ids)
        self.names |= {each["Id"]: each["Name"].removeprefix("/") for each in found.values()}
        return found

    # --- From the file ------------------------------------------------------------------------------------------------------

    def composed(self, texts: Mapping[str, str]) -> dict[str, list[Object] | str]:
        """For each text: its containers in the order of its services, or why Compose makes none. All in one file if that works."""
        joined = self._joined(texts)
        if len(texts) == 1 or self._create(joined).returncode == 0:
            if len(texts) == 1 and (done := self._create(joined)).returncode != 0:
                return dict.fromkeys(texts, done.stderr.strip())
            found = self._services()
            return {
                line: [found[service] for service in joined["services"] if service.startswith(f"s{number}-")]
                for number, line in enumerate(texts)
            }
        self._services()
        half = len(texts) // 2
        items = list(texts.items())
        return {**self.composed(dict(items[:half])), **self.composed(dict(items[half:]))}

    def _joined(self, texts: Mapping[str, str]) -> Object:
        """All of them as one document, the services of each with a prefix."""
        joined: Object = {"name": self.prefix, "services": {}, "networks": {}, "volumes": {}}
        for number, text in enumerate(texts.values()):
            loaded = _renamed(yaml.safe_load(text), f"s{number}-")
            for key in ("services", "networks", "volumes"):
                joined[key] |= loaded.get(key, {})
        return joined

    def resolved(self, texts: Mapping[str, str]) -> dict[str, Object]:
        """Each text as `docker compose config` understands it: one document for each, of one service."""
        joined = self._joined(texts)
        (self.folder / "compose.yaml").write_text(json.dumps(joined))
        found = json.loads(self.engine("compose", "config", "--format", "json", cwd=self.folder, env={"USER": "ada"}))
        services = list(joined["services"])
        return {
            text: {**found, "services": {services[number]: found["services"][services[number]]}}
            for number, text in enumerate(texts)
        }

    def _create(self, document: Object) -> subprocess.CompletedProcess[str]:
        (self.folder / "compose.yaml").write_text(json.dumps(document))
        return self.engine.run("compose", "--progress", "quiet", "create", cwd=self.folder, env={"USER": "ada"})

    def _services(self) -> dict[str, Object]:
        ids = self.engine("ps", "-aq", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.prefix}").split()
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in self._inspected(ids).values()}


def _without_run(words: Sequence[str]) -> Iterator[str]:
    """The flags that `docker create` knows too. Lines of the data file write -d first, or together with -i and -t."""
    for word in words:
        if word in ONLY_RUN:
            continue
        yield {"-dit": "-it", "-itd": "-it", "-di": "-i", "-dt": "-t", "-td": "-t", "-id": "-i", "-dp": "-p", "-dP": "-P"}.get(
            word, word
        )


def _renamed(document: Object, prefix: str) -> Object:
    """The same with a prefix to every service's name, so that several documents fit into one file."""
    names = {name: f"{prefix}{name}" for name in document["services"]}

    def service(value: Object) -> Object:
        for key in ("links", "volumes_from"):
            if key in value:
                value[key] = [_with_first(each, names) for each in value[key]]
        for key in ("network_mode", "ipc", "pid"):
            if str(value.get(key, "")).startswith("service:"):
                value[key] = f"service:{names[value[key].partition(':')[2]]}"
        return value

    return {**document, "services": {names[name]: service(value) for name, value in document["services"].items()}}


def _with_first(text: str, names: Mapping[str, str]) -> str:
    first, colon, rest = text.partition(":")
    return f"{names.get(first, first)}{colon}{rest}"


def read_lines(file: Path) -> list[str]:
    """The texts of a data file: a line each, or what stands between <<< and >>>."""
    text = re.sub(r"(?m)^(##|==).*\n", "", file.read_text(encoding="utf-8"))
    return [block or line for block, line in re.findall(r"(?ms)^<<<\n(.*?)^>>>$|^([^\n]+)$", text)]
