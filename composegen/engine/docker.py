"""One folder's container, through the `docker` command.

Commands that act by the project's name go through python-on-whales (`whales`). The others are here as argument vectors, for one of
these reasons: they must run in the folder (`build`, `up`, `config`), they hand over the terminal (`exec`, `logs`, `ps`), or they
are on the way of `composegen up` with nothing to do, whose whole time is less than twice what importing python-on-whales takes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composegen.engine import answers, authorized, failures, loss, whales
from composegen.engine.command import Command, Running, docker
from composegen.engine.info import Info
from composegen.engine.values import DIRECTORY_LABEL, EVERY_ADDRESS, PROJECT_LABEL, Container, Look, Loss, Versions
from composegen.errors import EngineError
from composegen.model import SERVICE

HOST_KEY = "/etc/ssh/host_keys/ssh_host_ed25519_key.pub"
MINIMUM = Versions(engine="23.0", compose="2.24")


class DockerEngine:
    """The engine that `docker` talks to, seen from one folder. Nothing is asked before the first call."""

    def __init__(self, directory: Path, project: str) -> None:
        self.directory = directory
        self.project = project or default_project(directory)
        self._under_way: dict[Command, Running] = {}

    # --- Looking -------------------------------------------------------------------------------------------------------

    def ahead(self, base: str = "") -> None:
        """Ask in the background what the first `look` and `config_hash` will want to know. Raises EngineError: no `docker`."""
        for command in (self._config_hash(), *self._questions(base)):
            self._under_way[command] = command.begin()

    def look(self, base: str = "") -> Look:
        """What is there under this project's name: container, image, `base` image, and whose it is. Raises EngineError."""
        image, (objects, owners) = f"{self.project}-{SERVICE}", self._questions(base)
        said = [self._begun(question) for question in (objects, owners)]
        folders = owners.checked(said[1].result()).stdout.splitlines()
        # `docker inspect` ends with 1 when one of the names is not there; what else may fail has failed above as well.
        found = answers.objects(said[0].result().stdout)
        return Look(
            container=self._container_among(found),
            image=answers.tagged(found, image),
            base=answers.tagged(found, base),
            folders=tuple(dict.fromkeys(Path(folder) for folder in folders if folder)),
        )

    def _begun(self, command: Command) -> Running:
        return self._under_way.pop(command) if command in self._under_way else command.begin()

    def _questions(self, base: str) -> tuple[Command, Command]:
        wanted = [self.project, f"{self.project}-{SERVICE}", *([base] if base else [])]
        filtered = ("--all", "--filter", f"label={PROJECT_LABEL}={self.project}")
        return docker("inspect", *wanted), docker("ps", *filtered, "--format", answers.label(DIRECTORY_LABEL))

    def container(self) -> Container | None:
        """The container of the project's name, whoever it belongs to. Raises EngineError."""
        return self._container_among(answers.objects(_quiet(docker("inspect", "--type", "container", self.project))))

    def _container_among(self, objects: list[dict[str, Any]]) -> Container | None:
        # The engine also takes the beginning of an id for a name.
        named = [each for each in objects if "State" in each and each.get("Name") == f"/{self.project}"]
        return Container.from_inspect(named[0]) if named else None

    def project_owner(self, name: str) -> Path | None:
        """The folder that a project of that name was started from, or None where there is none. Raises EngineError."""
        return next(iter(DockerEngine(self.directory, name).look().folders), None)

    def names_in_use(self) -> frozenset[str]:
        """Every container name and project name on this engine. Raises EngineError."""
        listed = docker("ps", "--all", "--format", "{{.Names}}\t" + answers.label(PROJECT_LABEL)).run()
        return frozenset(name for line in listed.splitlines() for name in line.split("\t") if name)

    def publisher(self, address: str, port: int) -> tuple[str, Path | None] | None:
        """The container that listens there, and the folder Compose made it in; None where it is none of this engine's."""
        shown = "\t".join(("{{.Names}}", "{{.Ports}}", answers.label(DIRECTORY_LABEL)))
        for line in docker("ps", "--filter", f"publish={port}", "--format", shown).run().splitlines():
            name, ports, folder, *_ = *line.split("\t"), "", ""
            if address in EVERY_ADDRESS or any(each in ports for each in (address, "0.0.0.0", "::")):
                return name, Path(folder) if folder else None
        return None

    def config(self) -> str:
        """The folder as Compose reads it, every variable in place, as JSON: it holds secrets. Raises CommandFailed."""
        return self._compose("config", "--format", "json").run()

    def config_hash(self) -> str:
        """What Compose would label the container with if it were made now. Raises CommandFailed: the files are not valid."""
        command = self._config_hash()
        return command.checked(self._begun(command).result()).stdout.strip().rpartition(" ")[2]

    def _config_hash(self) -> Command:
        return self._compose("config", "--hash", SERVICE)

    def volumes(self) -> tuple[str, ...]:
        """The names of the project's volumes. Raises EngineError."""
        return tuple(docker("volume", "ls", "--quiet", "--filter", f"label={PROJECT_LABEL}={self.project}").run().split())

    def foreign_network(self) -> str:
        """A network of the name that the project's will have, which is not the project's; empty: none. Raises EngineError."""
        name = f"{self.project}_default"
        found = answers.objects(_quiet(docker("network", "inspect", name)))
        return name if found and (found[0].get("Labels") or {}).get(PROJECT_LABEL) != self.project else ""

    def only_here(self, image: str) -> bool:
        """Whether an image was made on this machine, so that no registry has it. Raises EngineError."""
        found = answers.objects(_quiet(docker("image", "inspect", image)))
        return bool(found) and not found[0].get("RepoDigests")

    def architecture(self, image: str) -> str:
        """What an image that is here is for: amd64, arm64; empty where it is not here. Raises EngineError."""
        found = answers.objects(_quiet(docker("image", "inspect", image)))
        return str(found[0].get("Architecture", "")) if found else ""

    def networks(self) -> int:
        """How many networks take addresses of the engine's pools. Raises EngineError."""
        return len(docker("network", "ls", "--quiet", "--filter", "driver=bridge").run().split())

    def versions(self, about: Info | None = None) -> Versions:
        """Engine and Compose; `about` is what the engine said of itself, where that is known already.

        Raises EngineError: the daemon, Compose or buildx is missing (without which Compose 2.40 panics), or one of them is too old.
        """
        about = about or self.info()
        for plugin, there in (("buildx", about.buildx), ("compose", about.compose)):
            if not there:
                docker(plugin, "version").run()  # which says why not, where that is so
        found = Versions(engine=about.version, compose=about.compose)
        for what, name, least in (("Engine", found.engine, MINIMUM.engine), ("Compose", found.compose, MINIMUM.compose)):
            if (0, 0) < answers.number(name) < answers.number(least):
                raise EngineError(f"Docker {what} {name} is too old", hint=f"composegen needs {least} or newer: upgrade Docker")
        return found

    def info(self) -> Info:
        """The engine and the machine it runs on. Raises EngineError."""
        command = self._info()
        (found, *_) = answers.objects(f"[{command.checked(self._begun(command).result()).stdout or '{}'}]")
        if errors := found.get("ServerErrors"):  # an engine that does not answer makes `docker info` end with 0 all the same
            raise failures.failure(command.argv, 1, "\n".join(map(str, errors)))
        return Info.from_json(found)

    def _info(self) -> Command:
        return docker("info", "--format", "{{json .}}")

    def loss(self, container: Container) -> Loss:
        """What re-creating it would lose. Raises EngineError."""
        commands: list[str] = []
        if container.running or container.paused:
            # The engine finds the container's processes by a PID column, which it therefore insists on.
            said = (top := docker("top", container.id, "-eo", "pid,args")).begin().result()
            listed = "" if failures.not_running(said.stderr) else top.checked(said).stdout  # it may have ended since the look
            commands = [line.split(maxsplit=1)[1] for line in listed.splitlines()[1:] if len(line.split()) > 1]
        return Loss(loss.files(whales.changed_files(container.id)), loss.processes(commands))

    def installed_by_hand(self) -> tuple[str, ...]:
        """What somebody installed in the running container, as `apt NAME` and `pip NAME==VERSION`; empty where it does not run."""
        script = "cat /etc/composegen/installed && echo && composegen-entrypoint installed"
        before, _, now = _quiet(docker("exec", self.project, "sh", "-c", script)).partition("\n\n")
        return tuple(sorted(set(now.split("\n")) - set(before.split("\n")) - {""}))

    def host_key(self) -> str:
        """The container's public ed25519 host key as `ssh-ed25519 AAAA…`; empty while it has none. Raises EngineError."""
        # A copy asks less of the engine than a process in the container (0.03 s against 0.1), and works when that is stopped.
        archive = _quiet(docker("cp", f"{self.project}:{HOST_KEY}", "-"))
        return " ".join(answers.only_file(archive).split()[:2])

    def authorized_keys(self) -> dict[str, tuple[str, ...]]:
        """Each file of the running container that lets somebody in, with its lines. Raises CommandFailed: it does not run."""
        return authorized.parse(docker("exec", self.project, "sh", "-c", authorized.SCRIPT).run())

    def last_words(self, lines: int = 20) -> str:
        """The end of the container's log: what sshd and supervisor said. Empty when there is none."""
        said = docker("logs", "--tail", str(lines), self.project).begin().result()
        return (said.stdout + said.stderr).strip() if said.status == 0 else ""

    def refuse_silent_registry(self, image: str) -> None:
        """Pass where the engine may be able to fetch an image. Raises EngineError: its registry does not answer."""
        if not image or not is_local():
            return
        from composegen.engine import registry

        # Behind mirrors or a proxy of the engine's own, our question would prove nothing.
        if not self.info().goes_elsewhere and not registry.answers(registry.registry_of(image)):
            raise registry.unreachable(image)

    # --- Acting --------------------------------------------------------------------------------------------------------

    def build(self, *, fresh: bool = False) -> None:
        """Build the image with its progress on standard error; `fresh` uses no cache. Raises EngineError or CommandFailed."""
        self._compose("build", *(["--no-cache"] if fresh else []), SERVICE).visible()

    def up(self, *, recreate: bool = False) -> None:
        """Create the container where it is missing or differs, and start it. Raises EngineError or CommandFailed."""
        self._compose("up", "--detach", "--no-build", *(["--force-recreate"] if recreate else [])).run()

    def start(self) -> None:
        """Start the container that is stopped, let the one that is paused go on. Raises CommandFailed."""
        found = self.container()
        if found and found.paused:
            whales.unpause(self.project)
        else:
            whales.start(self.project)

    def stop(self, *, seconds: int | None = None) -> None:
        whales.stop(self.project, seconds=seconds)

    def restart(self, *, seconds: int | None = None) -> None:
        whales.restart(self.project, seconds=seconds)

    def down(self, *, volumes: bool = False, seconds: int | None = None) -> None:
        """Remove the container and its network; `volumes` removes host keys and IDE backends as well. Raises CommandFailed."""
        whales.down(self.project, volumes=volumes, seconds=seconds)

    def pull(self, image: str) -> None:
        """Fetch an image with its progress on the terminal. Raises CommandFailed."""
        # python-on-whales shows the progress as well, but keeps nothing of it to find the cause of a failure in.
        docker("pull", image).visible()

    def tag(self, image: str, name: str) -> None:
        """Give an image another name. Raises CommandFailed."""
        whales.tag(image, name)

    def push_keys(self, lines: Sequence[str]) -> None:
        """Make these the authorized keys of the running container, at once; open sessions stay. Raises CommandFailed."""
        text = "".join(f"{line}\n" for line in lines)
        docker("exec", "--interactive", self.project, "composegen-entrypoint", "keys").run(stdin=text)

    def push_password(self, password: str) -> None:
        """Make this the password of the running container's login users, at once; empty: keys only. Raises CommandFailed."""
        docker("exec", "--interactive", self.project, "composegen-entrypoint", "password").run(stdin=f"{password}\n")

    def rotate_host_keys(self) -> None:
        """Give the running container new host keys, which its sshd shows at once; open sessions stay. Raises CommandFailed."""
        docker("exec", self.project, "composegen-entrypoint", "host-keys").run()

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        """Standard output of a command run as root in the running container, past SSH. Raises CommandFailed."""
        return docker("exec", "--interactive", self.project, *command).run(stdin=stdin)

    # --- With the terminal handed over; each returns the exit status ----------------------------------------------------

    def ps(self, arguments: Sequence[str] = ()) -> int:
        return self._compose("ps", "--all", *arguments).attached()

    def logs(self, arguments: Sequence[str] = ()) -> int:
        return self._compose("logs", *arguments, SERVICE).attached()

    def exec(self, command: Sequence[str]) -> int:
        terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        return docker("exec", "--interactive", *terminal, self.project, *command).attached()

    def _compose(self, *arguments: str) -> Command:
        return Command(("docker", "compose", *arguments), self.directory)


def is_local(environment: Mapping[str, str] | None = None) -> bool:
    """Whether `docker` talks to an engine of this machine, as far as the environment tells."""
    exported = os.environ if environment is None else environment
    return exported.get("DOCKER_HOST", "unix:").startswith("unix:") and exported.get("DOCKER_CONTEXT", "default") == "default"


def default_project(directory: Path) -> str:
    """The project name that Compose takes where none is set (compose-go, loader.NormalizeProjectName)."""
    return re.sub(r"[^-_a-z0-9]", "", directory.name.lower()).lstrip("_-")


def _quiet(command: Command) -> str:
    """Its standard output, empty where it failed because something is not there. Raises EngineError: the engine cannot be used."""
    said = command.begin().result()
    if said.status != 0 and not failures.only_absent(said.stderr):
        docker("version").run()  # an engine that does not say even that is what failed
    return said.stdout
