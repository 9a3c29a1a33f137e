#!/usr/bin/env python3
"""`make pictures`: docs/pictures/*.svg, what the README's commands print, from a run of them on a real container.

Runs in a HOME of its own, shown as ~, with a key of its own. Docker's own lines of a build are left out, and said to be.
The pictures need nothing from elsewhere: rich's web font is taken out of them.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs/pictures"
BASE_IMAGE = "composegen-base:bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
COLUMNS = 124  # the longest link of `up`
FONTS = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'
ONLY_HERE = "ssh -F ~/.ssh/config "  # ssh finds a home in the password database, so that a HOME of one's own has to be named to it
LEFT_OUT = "(docker's own lines of the build)"

PROGRAM = """\
import numpy
from mindspore import Tensor, ops

def product(size):
    ones = Tensor(numpy.ones((size, size), "float32"))
    found = float(ops.matmul(ones, ones).sum())
    return found

print("product", product(6))
"""
INIT = "composegen init mindspore --device cpu --name work --user ada"
# picture: the commands on it, run in the folder; the first makes that
STEPS = {
    "init": [INIT],
    "up": ["composegen up --ssh-config"],
    "ide": ["composegen connect --write-ide-config", "cat code/.vscode/settings.json"],
    "breakpoint": ["composegen ssh -- python -m pdb -c 'break 7' -c continue -c list -c 'p found' -c quit /home/code/train.py"],
}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        folder = home / "mindspore"
        prepare_home(home)
        try:
            for picture, commands in STEPS.items():
                shown = [(command, said(command, home, home if picture == "init" else folder)) for command in commands]
                (PICTURES / f"{picture}.svg").write_text(svg(shown), encoding="utf-8")
                print(f"wrote {PICTURES.relative_to(ROOT)}/{picture}.svg")
                if picture == "init":
                    prepare_folder(folder)
        finally:
            if folder.exists():
                run("docker compose down --volumes --rmi local", home, folder)


def prepare_home(home: Path) -> None:
    key = home / ".ssh/id_ed25519"
    key.parent.mkdir(mode=0o700, parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada@laptop", "-f", str(key)], check=True)


def prepare_folder(folder: Path) -> None:
    """What this machine needs for a build, as scripts/demo.sh sets it, and a program to stop in."""
    own = {"BASE_IMAGE": BASE_IMAGE, "CA_BUNDLE": str(CERTIFICATES) if CERTIFICATES.exists() else ""}
    env = folder / ".env"
    text = env.read_text()
    for name, value in own.items():
        text = re.sub(rf"(?m)^# {name}=$", f"{name}={value}", text)
    env.write_text(text)
    program, owner = folder / "code/train.py", (folder / "code").stat()
    program.write_text(PROGRAM)
    os.chown(program, owner.st_uid, owner.st_gid)


def run(command: str, home: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SSH_", "COMPOSE"))}
    docker = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    program = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**kept, "HOME": str(home), "DOCKER_CONFIG": docker, "PATH": program, "COLUMNS": str(COLUMNS)}
    return subprocess.run(
        shlex.split(command),
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(command: str, home: Path, folder: Path) -> list[str]:
    """Raises SystemExit: it failed."""
    done = run(command, home, folder)
    if done.returncode:
        sys.exit(f"{command} failed ({done.returncode}):\n{done.stdout}")
    shown = done.stdout
    for ours, theirs in ((str(home), "~"), (socket.gethostname(), "server"), (ONLY_HERE, "ssh ")):
        shown = shown.replace(ours, theirs)
    # What dpkg writes over itself with carriage returns is one line of the build.
    return list(without_build(shown.rstrip("\n").split("\n")))


def without_build(lines: Iterable[str]) -> Iterable[str]:
    """Lines of BuildKit begin with # and a number, Compose's with a blank."""
    left_out = False
    for line in lines:
        if re.match(r"#\d+ | (Container|Network|Volume|Image|\S+-dev) ", line) or (left_out and not line.strip()):
            if not left_out:
                yield LEFT_OUT
            left_out = True
        else:
            left_out = False
            yield line


def svg(shown: list[tuple[str, list[str]]]) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for command, lines in shown:
        console.print(Text(f"$ {command}", style="bold green"))
        for line in lines:
            console.print(Text(line, style="dim" if line == LEFT_OUT else ""))
    picture = console.export_svg(title="composegen", theme=MONOKAI, unique_id="t")
    picture = re.sub(r"(?s)@font-face \{.*?\}\s*", "", picture)
    return re.sub(r"font-family: Fira Code, monospace", f"font-family: {FONTS}", picture)


if __name__ == "__main__":
    main()
