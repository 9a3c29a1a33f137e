"""A produced folder on the real engine, driven with plain `docker compose` and the real OpenSSH client alone."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from composegen import catalogue, dotenv, render
from composegen.model import Choices
from tests.support.engine import Engine

READY_SECONDS = 30
PASSWORD = re.compile(r"password for [^:]+: (\S+)")


@dataclass(frozen=True)
class Box:
    engine: Engine
    path: Path
    name: str
    port: int
    key: Path

    def compose(self, *arguments: str) -> str:
        """`docker compose ARGUMENTS` in the folder. Raises AssertionError with what it said when it fails."""
        return self.engine("compose", *arguments, cwd=self.path)

    def compose_fails(self, *arguments: str) -> str:
        """What a failing `docker compose ARGUMENTS` said, on both streams."""
        done = self.engine.run("compose", *arguments, cwd=self.path)
        assert done.returncode != 0, f"docker compose {' '.join(arguments)} should have failed"
        return done.stdout + done.stderr

    def up(self) -> Box:
        self.compose("up", "--detach", "--build")
        return self.wait()

    def wait(self) -> Box:
        """Return once sshd says its banner."""
        deadline = time.monotonic() + READY_SECONDS
        while self.engine.run("exec", self.name, "/etc/composegen/entrypoint.sh", "banner").returncode != 0:
            assert time.monotonic() < deadline, f"no SSH within {READY_SECONDS} s:\n{self.logs()}"
            time.sleep(0.1)
        return self

    def inside(self, *command: str) -> str:
        """Standard output of a command run by `docker exec`."""
        return self.engine("exec", self.name, *command)

    def logs(self) -> str:
        done = self.engine.run("logs", self.name)
        return done.stdout + done.stderr

    def passwords_in_log(self) -> list[str]:
        return PASSWORD.findall(self.logs())

    def ssh(
        self, command: str = "", *, user: str = "root", stdin: str = "", tty: bool = False, password: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """One login with the key, or with `password` alone, by the real OpenSSH client."""
        chosen = ["-oPubkeyAuthentication=no", "-oNumberOfPasswordPrompts=1"] if password else ["-oBatchMode=yes", f"-i{self.key}"]
        argv = [*(["sshpass", "-e"] if password else []), *self.client(*chosen, *(["-tt"] if tty else [])), f"{user}@127.0.0.1"]
        return self.engine.shell(
            *argv, *([command] if command else []), stdin=stdin, env={"SSHPASS": password, "SSH_AUTH_SOCK": ""}, timeout=60
        )

    def client(self, *options: str, program: str = "ssh") -> list[str]:
        """The OpenSSH client without the user's own configuration, and without checking whom it talks to."""
        ours = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "IdentitiesOnly=yes",
            "ConnectTimeout=10",
        ]
        return [program, "-F", "none", *(f"-o{option}" for option in ours), *options, f"-oPort={self.port}"]


def make_box(engine: Engine, path: Path, name: str, port: int, choices: Choices, *, base: str, **variables: str) -> Box:
    """Write the folder of `choices` with an `.env` of these variables, and a key that is in it only when a variable says so."""
    for relative, text in render.render(choices, catalogue.stack(choices.stack)).items():
        file = path / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    key = path.parent / f"{name}-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    given = {"COMPOSE_PROJECT_NAME": name, "SSH_PORT": str(port), "BASE_IMAGE": base, **variables}
    if given.get("SSH_AUTHORIZED_KEYS") == "own":
        given["SSH_AUTHORIZED_KEYS"] = key.with_suffix(".pub").read_text().strip()
    (path / ".env").write_text("".join(f"{variable}={dotenv.quote(value)}\n" for variable, value in given.items() if value))
    return Box(engine, path, name, port, key)
