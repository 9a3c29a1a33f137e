"""The engine that tests use: what a good one is, a thin `docker` for assertions, and tidy-up by project name."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINE_MIN, COMPOSE_MIN = (28,), (2, 30)  # what the tests rely on; users need Engine 23 and Compose 2.24


@dataclass(frozen=True)
class Engine:
    """`docker` against one engine. `prefix` runs it somewhere else, such as in a network namespace."""

    prefix: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """`docker ARGUMENTS`, whatever its exit status."""
        return self.shell("docker", *arguments, cwd=cwd, env=env, stdin=stdin, timeout=timeout)

    def shell(
        self,
        *argv: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Any command where this engine is, with the engine's variables."""
        return subprocess.run(
            [*self.prefix, *argv],
            cwd=cwd,
            env={**os.environ, **self.env, **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def __call__(self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 600) -> str:
        """Standard output of `docker ARGUMENTS`. Raises AssertionError with everything it said when it fails."""
        done = self.run(*arguments, cwd=cwd, env=env, timeout=timeout)
        assert done.returncode == 0, f"docker {' '.join(arguments)} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()


def what_is_missing() -> str:
    """Why this machine cannot run the engine tier; empty where it can."""
    if not shutil.which("docker"):
        return "no docker command"
    found = {}
    for what, command in {
        "engine": ["version", "--format", "{{.Server.Version}}"],
        "Compose": ["compose", "version", "--short"],
        "BuildKit (docker buildx)": ["buildx", "version"],
    }.items():
        try:
            done = subprocess.run(["docker", *command], capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            return f"no {what} answers: docker {' '.join(command)} hangs"
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            return f"no {what} answers: {said[-1] if said else 'it says nothing'}"
        found[what] = done.stdout.strip()
    if _version(found["engine"]) < ENGINE_MIN:
        return f"the engine is {found['engine']}, the tests need {'.'.join(map(str, ENGINE_MIN))}"
    if _version(found["Compose"]) < COMPOSE_MIN:
        return f"Compose is {found['Compose']}, the tests need {'.'.join(map(str, COMPOSE_MIN))}"
    return ""


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def as_root(*argv: str) -> list[str]:
    return [*argv] if os.geteuid() == 0 else ["sudo", "-n", *argv]


def bootstrap(image: str) -> str:
    """Make the Debian base where it is missing, once among parallel workers. Returns why it could not; empty when it is there."""
    with _lock("bootstrap"):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0:
            return ""
        done = subprocess.run(as_root(str(ROOT / "scripts/bootstrap-base.sh"), image), capture_output=True, text=True)
    return "" if done.returncode == 0 else f"scripts/bootstrap-base.sh: {done.stderr.strip()}"


@contextlib.contextmanager
def borrowed_tag(engine: Engine, image: str, tag: str) -> Iterator[None]:
    """`image` is also called `tag` inside the block, for every parallel worker; a `tag` that was there before stays."""
    users = _shared() / re.sub(r"\W+", "-", tag)
    users.mkdir(exist_ok=True)
    ours, me = users / "made-by-tests", users / str(os.getpid())
    with _lock("tag"):
        if engine.run("image", "inspect", tag).returncode != 0:
            engine("tag", image, tag)
            ours.touch()
        me.touch()
    try:
        yield
    finally:
        with _lock("tag"):
            me.unlink()
            alive = [user for user in users.iterdir() if user.name.isdigit() and Path("/proc", user.name).exists()]
            if ours.exists() and not alive:
                engine.run("image", "rm", "--no-prune", tag)
                shutil.rmtree(users)


def tear_down(engine: Engine, project: str) -> None:
    """Remove containers, networks, volumes and images of one Compose project, and nothing else."""
    label = ["--filter", f"label=com.docker.compose.project={project}"]
    _remove(engine, ["ps", "-aq", *label], ["rm", "--force", "--volumes"])
    _remove(engine, ["ps", "-aq", "--filter", f"name=^{project}$"], ["rm", "--force", "--volumes"])
    _remove(engine, ["network", "ls", "-q", *label], ["network", "rm"])
    _remove(engine, ["volume", "ls", "-q", *label], ["volume", "rm", "--force"])
    _remove(engine, ["image", "ls", "-q", "--filter", f"reference={project}-dev"], ["image", "rm", "--force", "--no-prune"])


def _remove(engine: Engine, listing: Sequence[str], removing: Sequence[str]) -> None:
    if found := engine.run(*listing).stdout.split():
        engine.run(*removing, *dict.fromkeys(found))


def unique_name() -> str:
    return f"cgtest-{uuid.uuid4().hex[:8]}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _shared() -> Path:
    path = Path(tempfile.gettempdir()) / f"composegen-tests-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    with (_shared() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
