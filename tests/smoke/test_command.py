"""`composegen test`: from a folder to a report, and every folder and container it cannot test."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest

from composegen import catalogue, render, smoke, testing
from composegen.engine import Container, Engine, Look
from composegen.errors import EngineError, UsageError
from composegen.folder import Folder
from composegen.model import Choices, Settings, record
from composegen.ssh import keys
from tests.ssh.servers import Answers, Server, new_key, paramiko_server, public
from tests.support.cli import Cli
from tests.support.engine import Engine as RealEngine

# --- the library call, with an engine that only looks ------------------------------------------------------------------


@dataclass
class OneContainer:
    """What `testing.run` asks of an engine."""

    directory: Path
    container: Container | None
    key: str = ""
    project: str = "box"

    def look(self, base: str = "") -> Look:
        return Look(self.container, folders=(self.directory,) if self.container else ())

    def host_key(self) -> str:
        return self.key


def with_container(folder: Folder, container: Container | None, key: str = "") -> Engine:
    own = replace(container, working_dir=folder.path) if container else None
    return cast(Engine, OneContainer(folder.path, own, key))


RUNNING = Container(id="1", name="box", state="running", health="healthy", project="box")


@pytest.fixture
def folder(tmp_path: Path, free_port: int) -> Folder:
    choices = Choices("python", "cpu")
    file = tmp_path / record.FILE
    file.parent.mkdir()
    file.write_text(render.render(choices, catalogue.stack("python"))[record.FILE])
    return Folder(tmp_path, choices, Settings(project_name="box", port=free_port, user="tester", uid=1000))


def test_a_folder_without_container_says_what_makes_one(folder: Folder) -> None:
    with pytest.raises(EngineError, match="no container yet") as raised:
        testing.run(folder, with_container(folder, None))
    assert "composegen up" in str(raised.value.hint)


def test_a_container_that_does_not_run_says_how_it_ended(folder: Folder) -> None:
    stopped = Container(id="1", name="box", state="exited", exit_code=137, project="box")
    with pytest.raises(EngineError, match=r"is not running: exited.* 137") as raised:
        testing.run(folder, with_container(folder, stopped))
    assert "composegen up" in str(raised.value.hint)


def test_an_unknown_probe_is_refused_before_the_engine_is_asked(folder: Folder) -> None:
    with pytest.raises(UsageError, match="no probe named"):
        testing.run(folder, cast(Engine, None), only=["nonsense"])


def test_a_running_container_is_tested_where_it_has_published_its_port(folder: Folder, config: Path, tmp_path: Path) -> None:
    answers = Answers(key=keys.bare(keys.own_public_key()), methods="publickey")
    with paramiko_server(new_key(tmp_path, "host_key"), answers) as server:
        running = replace(RUNNING, port=server.address.port)
        report = testing.run(
            folder, with_container(folder, running, server.host_key), only=["banner", "host-key", "login", "refused"]
        )
    assert report.ok, report
    assert {each.outcome for each in report.findings} == {"ok"}


def test_a_container_that_has_just_started_gets_its_second(folder: Folder, config: Path, tmp_path: Path) -> None:
    answers = Answers(key=keys.bare(keys.own_public_key()))
    with paramiko_server(new_key(tmp_path, "host_key"), answers) as server, late_proxy(folder.settings.port, server):
        starting = replace(RUNNING, health="starting")
        report = testing.run(folder, with_container(folder, starting, public(tmp_path / "host_key")), only=["banner", "login-key"])
    assert report.ok, report


@contextlib.contextmanager
def late_proxy(port: int, server: Server) -> Iterator[None]:
    """Half a second from now, `port` leads to the server."""
    done = threading.Event()

    def serve() -> None:
        done.wait(0.5)
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(0.05)
            while not done.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    upstream = socket.create_connection(("127.0.0.1", server.address.port))
                    for source, target in ((client, upstream), (upstream, client)):
                        threading.Thread(target=pump, args=(source, target), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    done.set()
    thread.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


# --- the command, without an engine -------------------------------------------------------------------------------------


@pytest.fixture
def made(composegen: Cli, tmp_path: Path) -> Path:
    composegen("init", "python", str(tmp_path / "box"), cwd=tmp_path).ok()
    return tmp_path / "box"


def test_a_folder_that_is_not_ours_is_refused(composegen: Cli, tmp_path: Path) -> None:
    done = composegen("test", str(tmp_path))
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "hint:" in done.stderr


def test_an_unknown_probe_is_a_wrong_usage(composegen: Cli, made: Path) -> None:
    done = composegen("test", str(made), "--only", "intrepreter")
    assert done.code == 2
    assert "did you mean 'interpreter'?" in done.stderr


def test_a_junit_file_that_cannot_be_is_refused_before_anything_is_tested(composegen: Cli, made: Path) -> None:
    done = composegen("test", str(made), "--junit", str(made / "missing" / "report.xml"))
    assert done.code == 2
    assert "no folder" in done.stderr


def test_help_has_an_example(composegen: Cli) -> None:
    done = composegen("test", "--help").ok()
    assert "Example: composegen test" in done.stdout


# --- the command, on the engine -----------------------------------------------------------------------------------------


@pytest.mark.engine
def test_a_real_container_passes_and_what_breaks_it_is_found(
    composegen: Cli, tmp_path: Path, engine: RealEngine, base_image: str, project: str, free_port: int
) -> None:
    box = tmp_path / "box"
    composegen("init", "python", str(box), "--name", project, "--port", str(free_port), "--base", base_image).ok()
    engine("compose", "up", "-d", "--build", cwd=box)

    # At once after the start, over a clean environment: all that can be checked here is fine.
    report = composegen("test", str(box), "--json", "--junit", str(tmp_path / "report.xml")).ok().json
    by_name = {check["name"]: check for check in report["checks"]}
    assert tuple(by_name) == smoke.names()
    assert {name for name, check in by_name.items() if check["status"] == "skip"} == {"gpu", "gpu-memory", "gpu-compute"}
    assert report["ok"]
    assert by_name["interpreter"]["data"]["path"] == "/usr/local/bin/python"
    assert len(ElementTree.parse(tmp_path / "report.xml").getroot()) == len(by_name)
    assert [path.name for path in (box / "code").iterdir()] == [".gitkeep"]

    # The table, one group, another order of things.
    done = composegen("test", "--only", "code", "--only", "banner", cwd=box).ok()
    assert [line.split()[1] for line in done.stdout.splitlines()[:-1]] == ["banner", "code-read", "code-write"]
    assert done.stdout.splitlines()[-1].startswith("3 ok, 0 failed, 0 skipped in ")

    # Each thing that is broken on purpose is found, and only that.
    engine("exec", project, "sh", "-c", "echo /opt/other/python >/etc/composegen/interpreter")
    done = composegen("test", "--json", cwd=box)
    assert done.code == 1
    # The framework's check is for that interpreter.
    assert [check["name"] for check in done.json["checks"] if check["status"] == "fail"] == ["interpreter", "framework"]

    # After a restart, at once.
    engine("exec", project, "sh", "-c", "echo /usr/local/bin/python >/etc/composegen/interpreter")
    engine("restart", "--timeout", "5", project)
    composegen("test", "--without", "refused", cwd=box).ok()

    # Killing sshd again and again, which nobody agreed to, and then somebody did.
    done = composegen("test", "--chaos", cwd=box)
    assert (done.code, done.stdout) == (2, "")
    assert "kills sshd in the container 5 times" in done.stderr and "--yes agrees" in done.stderr
    report = composegen("test", "--chaos", "--yes", "--only", "chaos", "--json", cwd=box).ok().json
    assert [(check["name"], check["status"]) for check in report["checks"]] == [
        ("chaos-login", "ok"),
        ("chaos-session", "ok"),
        ("chaos-job", "ok"),
    ]
    assert len(report["checks"][0]["data"]["seconds"]) == 5
    assert ".composegen" not in engine("exec", project, "ls", "-a", "/tmp")

    # Ctrl-C, wherever it comes, leaves no temporary key behind.
    before = engine("exec", project, "cat", "/etc/ssh/authorized_keys")
    for moment in (0.4, 0.6, 0.8, 1.0):
        asking = [*composegen.argv("test", "--only", "key-renewal"), str(box)]
        with subprocess.Popen(
            asking, env=composegen.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as running:
            time.sleep(moment)
            running.send_signal(signal.SIGINT)
        assert engine("exec", project, "cat", "/etc/ssh/authorized_keys") == before, f"after {moment} s"

    engine("stop", "--timeout", "5", project)
    done = composegen("test", cwd=box)
    assert (done.code, done.stdout) == (1, "")
    assert "composegen up" in done.stderr
