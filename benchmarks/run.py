"""`make bench`: composegen beside what it is compared with, on this machine, in one run.

    python benchmarks/run.py [--rounds N] [--only WORD] [--markdown FILE]

Every line is a ratio of medians taken in turn; only the ratios mean anything on another machine. `--markdown` replaces the table
between the two `bench` comments of FILE. Nothing here decides whether tests pass. Besides a Docker engine it needs public tools
and the standard library.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path

from measure import Row, free_port, run, side_by_side, table, until_banner

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
COMPOSEGEN = Path(sys.executable).with_name("composegen")
PLAIN, BASE = "composegen-plain:bookworm", "composegen-base:bookworm"
WORK = HERE / ".work"
COMPOSERIZE = "composerize@1.7.6"
LINE = "docker run -d -p 2222:22 -v /dev/shm:/dev/shm -v /home/code:/home/code --name=work --runtime=nvidia ms:200a-cu116"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass
class Bench:
    """A scratch directory with a HOME of its own, and what was made on the engine."""

    scratch: Path
    rounds: int
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        docker = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        for variable in [name for name in os.environ if name.startswith(("SSH_", "COMPOSE_"))]:
            del os.environ[variable]
        # An installed program has its bytecode; a developer's shell may forbid Python to write it.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ |= {"HOME": str(self.scratch), "DOCKER_CONFIG": docker}
        if any(os.environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")) and CERTIFICATES.exists():
            os.environ["CA_BUNDLE"] = str(CERTIFICATES)

    @property
    def key(self) -> Path:
        return self.scratch / ".config/composegen/id_ed25519"

    def name(self) -> str:
        self.names.append(f"cgbench-{uuid.uuid4().hex[:8]}")
        return self.names[-1]

    def folder(self, *options: str, base: str = BASE) -> Stack:
        """A fresh, built folder of the stack `python`, not started."""
        stack = Stack(self.name(), free_port(), self)
        choice = ["--name", stack.name, "--port", str(stack.port), "--base", base, "--user", "root", *options]
        run(COMPOSEGEN, "init", "python", stack.name, *choice, cwd=self.scratch)
        run("docker", "compose", "build", cwd=stack.path)
        return stack

    def remove(self) -> None:
        for name in self.names:
            label = f"label=com.docker.compose.project={name}"
            for listing, removing in (
                (["ps", "-aq", "--filter", f"name=^{name}"], ["rm", "-f", "-v"]),
                (["network", "ls", "-q", "--filter", label], ["network", "rm"]),
                (["volume", "ls", "-q", "--filter", label], ["volume", "rm", "-f"]),
                (["image", "ls", "-q", "--filter", f"reference={name}*"], ["image", "rm", "-f", "--no-prune"]),
            ):
                found = subprocess.run(["docker", *listing], capture_output=True, text=True).stdout.split()
                if found:
                    subprocess.run(["docker", *removing, *dict.fromkeys(found)], capture_output=True)


@dataclass(frozen=True)
class Stack:
    name: str
    port: int
    bench: Bench

    @property
    def path(self) -> Path:
        return self.bench.scratch / self.name

    def compose(self, *arguments: str) -> str:
        return run("docker", "compose", *arguments, cwd=self.path)

    def composegen(self, *arguments: str) -> str:
        return run(COMPOSEGEN, *arguments, cwd=self.path)

    def plain_up(self) -> None:
        self.compose("up", "-d")
        until_banner(self.port)


def ssh_true(port: int, key: Path) -> None:
    """One login with the real OpenSSH client. Raises RuntimeError: refused."""
    options = [
        f"-o{word}" for word in ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    ]
    run("ssh", "-F", "/dev/null", *options, "-i", key, "-p", str(port), "root@127.0.0.1", "true")


# --- The lines of the table ---------------------------------------------------------------------------------------------


def command_line(bench: Bench) -> Iterator[Row]:
    compose = partial(run, "docker", "compose", "version")
    ours, theirs = side_by_side(partial(run, COMPOSEGEN, "--help"), compose, rounds=3 * bench.rounds)
    yield Row("`composegen --help`", ours, "`docker compose version`", theirs, 1.2)

    fresh = count()
    ours, theirs = side_by_side(
        lambda: run(COMPOSEGEN, "init", "mindspore", f"init{next(fresh)}", cwd=bench.scratch), compose, rounds=3 * bench.rounds
    )
    yield Row("`composegen init mindspore`", ours, "`docker compose version`", theirs, 3.5)


def converting(bench: Bench) -> Iterator[Row]:
    """One `docker run` line into Compose; composerize comes from npm, into benchmarks/.work."""
    composerize = WORK / "node_modules/.bin/composerize"
    if not composerize.exists():
        npm = shutil.which("npm", path=f"{os.environ['PATH']}:{ROOT}/.judges/venv/bin")
        if npm is None:
            print("  no npm here, so nothing to compare `composegen convert` with", file=sys.stderr)
            return
        WORK.mkdir(exist_ok=True)
        run(npm, "install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix", WORK, COMPOSERIZE)
    ours, theirs = side_by_side(
        partial(run, COMPOSEGEN, "convert", LINE, cwd=bench.scratch),
        partial(run, composerize, *LINE.split(), cwd=bench.scratch),
        rounds=3 * bench.rounds,
    )
    yield Row("`composegen convert` of one line", ours, "composerize", theirs, 1.0)


def checking(bench: Bench) -> Iterator[Row]:
    """Time grows with the number of folders and not faster, and a folder takes little of it. Half of them are another stack."""
    for stack in ("pytorch", "python"):
        run(COMPOSEGEN, "init", stack, f"model-{stack}", cwd=bench.scratch)
    for many in (100, 1000):
        for number in range(many):
            model = bench.scratch / f"model-{('pytorch', 'python')[number % 2]}"
            shutil.copytree(model, bench.scratch / f"folders-{many}" / f"{number:04}")
    check = {many: partial(run, COMPOSEGEN, "check", "--all", f"folders-{many}", cwd=bench.scratch) for many in (100, 1000)}
    thousand, hundred = side_by_side(check[1000], check[100], rounds=bench.rounds)
    yield Row("`composegen check` over 1,000 folders", thousand, "over 100 folders", hundred, 11.0)
    yield Row("the same, a folder of 1,000", thousand / 1000, "10 ms", 0.010, 1.0)


def starting(bench: Bench) -> Iterator[Row]:
    stack = bench.folder()
    up = partial(stack.composegen, "up", "--no-test")
    up()  # so that it knows the image as built
    ours, theirs = side_by_side(up, stack.plain_up, rounds=bench.rounds, before=partial(stack.compose, "down"))
    yield Row("`composegen up --no-test`, container not yet created", ours, "`docker compose up -d` + banner poll", theirs, 2.0)

    up()
    ours, theirs = side_by_side(up, partial(stack.compose, "up", "-d"), rounds=2 * bench.rounds)
    yield Row("the same, nothing to do", ours, "`docker compose up -d`", theirs, 6.0)

    probes = partial(stack.composegen, "test", "--without", "framework", "--without", "refused")
    ours, theirs = side_by_side(probes, partial(ssh_true, stack.port, bench.key), rounds=2 * bench.rounds)
    yield Row("`composegen test` without framework and refused logins", ours, "`ssh host true`", theirs, 4.0)
    stack.compose("down", "--volumes")


def ready(bench: Bench) -> Iterator[Row]:
    """From `docker start` to a login with the real client; host keys are there, except where said."""
    bare, port = bare_sshd(bench)
    theirs_start = partial(started, bare, port, bench.key)
    for init, bar in (("tini", 0.2), ("supervisor", None)):
        stack = bench.folder("--init", init)
        stack.plain_up()
        until_host_keys(stack.name)
        stop = partial(run, "docker", "stop", "-t", "1", stack.name, bare)
        ours, theirs = side_by_side(
            partial(started, stack.name, stack.port, bench.key), theirs_start, rounds=bench.rounds, before=stop
        )
        yield Row(f"SSH login ready after start, {init}", ours, "bare `sshd -D` on the same base", theirs, bar, added=True)

        ours, theirs = side_by_side(
            partial(first_start, stack, bench.key),
            theirs_start,
            rounds=bench.rounds,
            before=partial(afresh, stack, bare),
            warm_up=False,
        )
        yield Row(
            f"the same from nothing (network, volumes, host keys), {init}",
            ours,
            "bare `sshd -D`, started",
            theirs,
            None,
            added=True,
        )
        stack.compose("down", "--volumes")


def until_host_keys(name: str) -> None:
    """The RSA key is made in the background of the first start; a stop before it is there would make every start begin it anew."""
    key = "/etc/ssh/host_keys/ssh_host_rsa_key"
    run("docker", "exec", name, "timeout", "60", "sh", "-c", f"until [ -s {key} ]; do sleep 0.1; done")


def afresh(stack: Stack, bare: str) -> None:
    stack.compose("down", "--volumes")
    run("docker", "stop", "-t", "1", bare)


def first_start(stack: Stack, key: Path) -> None:
    stack.compose("up", "-d")
    until_login(stack.port, key)


def started(name: str, port: int, key: Path) -> None:
    run("docker", "start", name)
    until_login(port, key)


def until_login(port: int, key: Path) -> None:
    """sshd may answer a moment before it lets anybody in."""
    until_banner(port)
    for _ in range(20):
        if logs_in(port, key):
            return
    raise RuntimeError(f"no login on port {port}")


def logs_in(port: int, key: Path) -> bool:
    try:
        ssh_true(port, key)
    except RuntimeError:
        return False
    return True


def bare_sshd(bench: Bench) -> tuple[str, int]:
    """A stopped container of bare sshd that lets composegen's own key in, and its port."""
    name, port = bench.name(), free_port()
    run(COMPOSEGEN, "init", "python", name, "--name", name, cwd=bench.scratch)  # makes the key, if nothing has yet
    context = bench.scratch / f"{name}-context"
    shutil.copytree(HERE / "sshd", context)
    shutil.copy(bench.key.with_suffix(".pub"), context / "authorized_keys")
    run("docker", "build", "--quiet", "--build-arg", f"BASE_IMAGE={BASE}", "-t", name, context)
    run("docker", "create", "--name", name, "-p", f"127.0.0.1:{port}:22", name)
    return name, port


def sizes(bench: Bench) -> Iterator[Row]:
    """Megabytes that each image adds to a Debian 12 of nothing but packages from debootstrap."""
    article = bench.name()
    run("docker", "build", "--quiet", "--build-arg", f"BASE_IMAGE={PLAIN}", "-t", article, HERE / "article")
    theirs = megabytes(article) - megabytes(PLAIN)
    for init, bar in (("supervisor", 0.30), ("tini", 0.15)):
        stack = bench.folder("--init", init, base=PLAIN)
        ours = megabytes(f"{stack.name}-dev") - megabytes(PLAIN)
        yield Row(f"added to a Debian 12 base, {init}", ours, "the article's Dockerfile", theirs, bar, unit="MB")


def megabytes(image: str) -> float:
    return int(run("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "command": command_line,
    "convert": converting,
    "check": checking,
    "start": starting,
    "size": sizes,
    "ready": ready,
}


# --- The run ------------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements a side; cheap commands are measured two or three times as often"
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="one part of the table")
    parser.add_argument("--markdown", type=Path, help="a file whose table is replaced")
    wanted = parser.parse_args()

    run(ROOT / "scripts/bootstrap-base.sh", BASE)
    run(ROOT / "scripts/bootstrap-base.sh", "--plain", PLAIN)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="composegen-bench-") as scratch:
        bench = Bench(Path(scratch), wanted.rounds)
        try:
            for part in wanted.only or PARTS:
                for row in PARTS[part](bench):
                    rows.append(row)
                    print(f"  {row.what}: {row.cells()[4]} {row.verdict}", file=sys.stderr, flush=True)
        finally:
            bench.remove()
    text = f"{table(rows)}\n\n{machine()}"
    print(text)
    if wanted.markdown:
        insert(wanted.markdown, text)


def machine() -> str:
    versions = [
        f"Engine {run('docker', 'version', '--format', '{{.Server.Version}}')}",
        f"Compose {run('docker', 'compose', 'version', '--short')}",
    ]
    return f"{date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(versions)}."  # noqa: DTZ011


def insert(file: Path, text: str) -> None:
    pattern = re.compile(r"(?s)(<!-- bench -->\n).*?(<!-- /bench -->)")
    old = file.read_text(encoding="utf-8")
    new, replaced = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", old)
    if not replaced:
        raise SystemExit(f"{file} has no <!-- bench --> and <!-- /bench -->")
    file.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
