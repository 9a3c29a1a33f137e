"""Where others might read a secret: everything that an engine, a folder and the machine's process list show of one container."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.engine import Engine, as_root


@dataclass
class Watch:
    """Command lines of every process of this machine, the container's included, while the block runs."""

    seen: set[bytes] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.03):
            self.seen |= {_command_line(process) for process in Path("/proc").glob("[0-9]*")}


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def everything(engine: Engine, name: str, folder: Path) -> dict[str, bytes]:
    """{place: everything that is there} of a running container of that name, its image, and the folder they were made from."""
    return {
        **_image(engine, f"{name}-dev"),
        "docker inspect of the container": engine("inspect", name).encode(),
        "files of the container": output(engine, "export", name),
        "tracked files": _tracked(folder),
        "docker logs": output(engine, "logs", name, both=True),
        "environment of processes in the container": _environments(engine, name),
    }


def output(engine: Engine, *arguments: str, both: bool = False) -> bytes:
    """What `docker ARGUMENTS` writes to standard output, and with `both` to standard error. Raises AssertionError: it failed."""
    errors = subprocess.STDOUT if both else subprocess.PIPE
    done = subprocess.run([*engine.prefix, "docker", *arguments], stdout=subprocess.PIPE, stderr=errors)
    assert done.returncode == 0, arguments
    return done.stdout


def _image(engine: Engine, image: str) -> dict[str, bytes]:
    saved = []
    with tarfile.open(fileobj=io.BytesIO(output(engine, "save", image))) as archive:
        for member in archive.getmembers():
            if file := archive.extractfile(member):
                content = file.read()
                saved.append(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)
    return {
        "layers and configuration of the image": b"".join(saved),
        "docker history and inspect of the image": (
            engine("history", "--no-trunc", image) + engine("image", "inspect", image)
        ).encode(),
    }


def _tracked(folder: Path) -> bytes:
    git = ["git", "-C", str(folder), "-c", "core.excludesFile=/dev/null"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    listed = subprocess.run([*git, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.split("\0") if name]
    assert "compose.yaml" in names and ".env" not in names
    return b"\n".join((folder / name).read_bytes() for name in names)


def _environments(engine: Engine, name: str) -> bytes:
    """Of every process of the container, read as root of this machine."""
    processes = engine("top", name, "-eo", "pid").split()[1:]
    files = [f"/proc/{process}/environ" for process in processes]
    return subprocess.run(as_root("cat", *files), capture_output=True).stdout
