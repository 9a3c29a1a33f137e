"""A second engine that cannot hurt the first: own network, mount and process namespaces, own root, own CDI directory.

In the host's network namespace a second dockerd would destroy the first one's bridge. With the stand-in hook on its PATH it accepts
`driver: nvidia` reservations. That proves wiring, never CUDA.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.engine import Engine, as_root

STANDINS = Path(__file__).resolve().parents[1] / "standins"
NVIDIA_RUNTIME = ("--add-runtime", f"nvidia={STANDINS / 'nvidia-container-runtime'}")  # of dockerd
START_SECONDS = 60


@dataclass(frozen=True)
class PrivateEngine(Engine):
    """An Engine whose commands run in the daemon's own network namespace, where its published ports are."""

    outer: Engine = field(default_factory=Engine)
    cdi: Path = Path("/nonexistent")  # its --cdi-spec-dir
    log: Path = Path("/nonexistent")

    def take(self, image: str, *, as_: str = "") -> None:
        """Copy an image from the machine's engine, and call it `as_` here."""
        saving = subprocess.Popen([*self.outer.prefix, "docker", "save", image], stdout=subprocess.PIPE)
        loading = subprocess.run(
            [*self.prefix, "docker", "load"], env={**os.environ, **self.env}, stdin=saving.stdout, capture_output=True
        )
        assert saving.wait() == 0 and loading.returncode == 0, f"{image} could not be copied: {loading.stderr!r}"
        if as_:
            self("tag", image, as_)


@contextlib.contextmanager
def started_private_engine(
    directory: Path, *, outer: Engine, hook: bool = True, options: Sequence[str] = ()
) -> Iterator[PrivateEngine]:
    """Start it, wait until it answers, and end it with all its containers. `directory` receives its log, dockerd the options."""
    # A Unix socket's path has at most 107 bytes, and pytest's directories are long.
    home = Path(tempfile.mkdtemp(prefix="cg-", dir="/tmp"))
    for name in ("bin", "cdi"):
        (home / name).mkdir()
    for standin in ("nvidia-container-runtime-hook", "nvidia-smi") if hook else ():
        shutil.copy(STANDINS / standin, home / "bin" / standin)
    log = directory / "dockerd.log"
    namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with log.open("w") as output:
        starter = subprocess.Popen(
            as_root(*namespaces, str(STANDINS / "private-dockerd"), str(home), *options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        private = PrivateEngine(
            prefix=tuple(as_root("nsenter", "--net", "--target", str(_process_inside(starter, log)))),
            env={"DOCKER_HOST": f"unix://{home}/docker.sock"},
            outer=outer,
            cdi=home / "cdi",
            log=log,
        )
        _wait_until_it_answers(private, starter)
        yield private
    finally:
        # With the first process of a process namespace every other one in it dies, and with the last its mounts and interfaces go.
        for process in reversed(_descendants(starter.pid)):
            subprocess.run(as_root("kill", "-KILL", str(process)), capture_output=True)
        starter.kill() if os.geteuid() == 0 else starter.terminate()
        starter.wait(timeout=30)
        subprocess.run(as_root("rm", "-rf", str(home)), capture_output=True)


def _process_inside(starter: subprocess.Popen[bytes], log: Path) -> int:
    """The process id of the namespace's first process, as seen from outside."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and starter.poll() is None:
        for process in _descendants(starter.pid):
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            if words[0].endswith((b"bash", b"dockerd")) and b"unshare" not in words:
                return process
        time.sleep(0.05)
    raise AssertionError(f"the second engine did not start:\n{log.read_text()[-3000:]}")


def _descendants(process: int) -> list[int]:
    """Children, grandchildren and so on, from the top down; without those of a process that is gone already."""
    found = [process]
    for parent in found:
        with contextlib.suppress(OSError):
            found += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return found[1:]


def _wait_until_it_answers(private: PrivateEngine, starter: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while private.run("version").returncode != 0:
        in_time = starter.poll() is None and time.monotonic() < deadline
        assert in_time, f"the second engine does not answer:\n{private.log.read_text()[-3000:]}"
        time.sleep(0.1)
