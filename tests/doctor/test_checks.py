"""What the doctor says of engine, folder, machine and network: each check on a site of values and files, well and unwell."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from composegen import catalogue
from composegen.doctor.checks import CHECKS
from composegen.doctor.examining import verdict
from composegen.doctor.site import Site, Verdict
from composegen.engine import Container, Info, Look, memory
from composegen.model import Choices, Settings
from tests.engine_room.test_steps import FakeEngine

PYTHON = catalogue.stack("python", catalogue.directories((), {}))
BUSY = "127.0.0.1"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbKqL1YtQ5J5wqZkqJYyQ3hKqzZp1yQ3f1xZxX7kZ9a me"


def now(**apart: int) -> str:
    return (datetime.now(timezone.utc) + timedelta(**apart)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")


ABOUT = Info(
    version="28.5.2",
    architecture="x86_64",
    root="/var/lib/docker",
    memory=64 * 2**30,
    processors=16,
    time=now(),
    runtimes=("runc",),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with its base image said as composegen says it, which is also the root of the host's files."""
    (tmp_path / "code").mkdir()
    (tmp_path / "compose.yaml").write_text(
        "services:\n  dev:\n    build:\n      args:\n        BASE_IMAGE: ${BASE_IMAGE:-python:3.12}\n"
    )
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "dev/shm").mkdir(parents=True)
    return tmp_path


def ask(
    check: str,
    root: Path,
    *,
    engine: FakeEngine | None = None,
    about: Info = ABOUT,
    choices: Choices | None = Choices("python", device="cpu"),
    here: bool = True,
    shadowed: tuple[str, ...] = (),
    size: str = "1 GB",
    variables: dict[str, str] | None = None,
    **env: str,
) -> Verdict:
    """What one check says of a folder whose `.env` says `env`."""
    engine = engine or FakeEngine(root)
    engine.about = about
    settings = Settings.from_variables({"USER_UID": str(os.getuid()), "SSH_AUTHORIZED_KEYS": KEY, **env})
    site = Site(
        engine,
        directory=root,
        choices=choices,
        settings=settings,
        variant=replace(PYTHON.variants[0], size=size),
        variables=variables or {},
        systems=("debian",),
        root=root,
        here=here,
        shadowed=shadowed,
    )
    return verdict(next(each for each in CHECKS if each.name == check), site)


def let_watch(root: Path, files: str) -> None:
    (root / "proc/sys/fs/inotify").mkdir(parents=True, exist_ok=True)
    (root / "proc/sys/fs/inotify/max_user_watches").write_text(f"{files}\n")


def says(found: Verdict, status: str, *words: str) -> None:
    assert found.status == status, found
    for word in words:
        assert word in f"{found.detail}\n{found.fix}", (word, found)


NEEDS_NO_FOLDER = {"engine", "networks", "memory", "inotify", "clock"}


@pytest.mark.parametrize("check", [each.name for each in CHECKS])
def test_without_a_folder_only_host_and_engine_are_judged(folder: Path, check: str) -> None:
    let_watch(folder, "8192")
    assert (ask(check, folder, choices=None).status == "skip") == (check not in NEEDS_NO_FOLDER)


# --- Engine ---------------------------------------------------------------------------------------------------------------


def test_the_name_is_free_or_ours_or_somebody_elses(folder: Path) -> None:
    says(ask("names", folder), "ok", "'work' is free")
    other = FakeEngine(folder, there=Look(None, folders=(Path("/home/other/work"),)))
    says(ask("names", folder, engine=other), "fail", "/home/other/work", "COMPOSE_PROJECT_NAME=work-2")


class Cluttered(FakeEngine):
    def volumes(self) -> tuple[str, ...]:
        return ("work_host_keys", "work_ide")


class Networked(FakeEngine):
    def foreign_network(self) -> str:
        return "work_default"


def test_volumes_and_a_network_of_that_name_may_be_somebody_elses(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    says(ask("names", folder, engine=Cluttered(folder)), "warn", "work_host_keys, work_ide", "`composegen up --adopt`")
    memory.remember(folder, memory.Memory(folder=str(folder), project="work"))
    says(ask("names", folder, engine=Cluttered(folder)), "ok", "free")
    says(ask("names", folder, engine=Networked(folder)), "fail", "'work_default'", "`docker network rm work_default`")


class Crowded(FakeEngine):
    def networks(self) -> int:
        return 30


def test_few_addresses_left_are_a_warning(folder: Path) -> None:
    says(ask("networks", folder), "ok", "1 networks")
    says(ask("networks", folder, engine=Crowded(folder)), "warn", "30 networks", "docker network prune")


def test_engines_that_map_users_are_explained_to_those_who_are_not_root(folder: Path) -> None:
    rootless = replace(ABOUT, security=("rootless",))
    says(ask("users", folder, about=rootless), "ok", "rootless, and root logs in")
    says(ask("users", folder, about=rootless, SSH_USER="me"), "warn", "`composegen init python . --user root`")
    says(ask("users", folder, about=replace(ABOUT, security=("userns",)), SSH_USER="me"), "warn", "userns_mode: host")
    says(ask("users", folder, SSH_USER="me"), "ok", "'me' logs in")


def test_an_image_for_another_processor_fails_unless_it_can_be_emulated(folder: Path) -> None:
    arm = replace(ABOUT, architecture="aarch64")
    says(ask("architecture", folder), "ok", "x86_64")
    says(ask("architecture", folder, about=arm), "fail", "is for x86_64, and the engine's machine is aarch64")
    (folder / "proc/sys/fs/binfmt_misc").mkdir(parents=True)
    (folder / "proc/sys/fs/binfmt_misc/qemu-x86_64").touch()
    says(ask("architecture", folder, about=arm), "warn", "emulated")


# --- Folder ---------------------------------------------------------------------------------------------------------------


def test_exported_variables_that_beat_env_are_named(folder: Path) -> None:
    says(ask("exported", folder), "ok")
    says(ask("exported", folder, shadowed=("SSH_PORT", "GPUS")), "warn", "SSH_PORT GPUS", "`unset SSH_PORT GPUS`")


def test_a_port_is_free_or_ours_or_taken(folder: Path) -> None:
    with socket.create_server((BUSY, 0)) as listener:
        taken = str(listener.getsockname()[1])
        says(ask("port", folder, SSH_PORT=taken), "fail", f"port {taken} on 127.0.0.1 is taken by another program", "SSH_PORT=")
        other = FakeEngine(folder, published_by=("other", Path("/home/other")))
        says(ask("port", folder, engine=other, SSH_PORT=taken), "fail", "by the container 'other' of /home/other")
        ours = Container("1f", "work", "running", binding=(BUSY, int(taken)))
        says(ask("port", folder, engine=FakeEngine(folder, there=Look(ours)), SSH_PORT=taken), "ok", "this container's")
    says(ask("port", folder, SSH_PORT=taken), "ok", "is free")
    says(ask("port", folder, SSH_BIND="192.0.2.1"), "fail", "no address 192.0.2.1")
    says(ask("port", folder, here=False), "skip")


def test_who_may_log_in_is_judged_as_up_judges_it(folder: Path) -> None:
    says(ask("login", folder), "ok", "1 key, no password")
    says(ask("login", folder, SSH_AUTHORIZED_KEYS=""), "warn", "makes a password", "ssh-keygen")
    says(ask("login", folder, SSH_AUTHORIZED_KEYS="lorem ipsum"), "fail", "SSH_AUTHORIZED_KEYS, line 1")
    says(ask("login", folder, SSH_PASSWORD="12345", SSH_BIND="0.0.0.0"), "fail", "too weak for 0.0.0.0")


class Shown(FakeEngine):
    def host_key(self) -> str:
        return "ssh-ed25519 AAAANEW"


def test_a_host_key_that_was_renewed_by_somebody_else_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    (folder / "config/composegen").mkdir(parents=True)
    running = Shown(folder, there=Look(Container("1f", "work", "running", port=2222)))
    says(ask("host-key", folder, engine=running), "ok", "not written down yet for 127.0.0.1:2222")
    (folder / "config/composegen/known_hosts").write_text("composegen-work ssh-ed25519 AAAAOLD\n")
    says(ask("host-key", folder, engine=running), "warn", "another host key", "`composegen up`")
    (folder / "config/composegen/known_hosts").write_text("composegen-work ssh-ed25519 AAAANEW\n")
    says(ask("host-key", folder, engine=running), "ok", "known for")
    says(ask("host-key", folder), "skip", "does not run")


def test_the_code_folder_is_there_and_lets_the_login_user_in(folder: Path) -> None:
    says(ask("code", folder), "ok", str(folder / "code"))
    says(ask("code", folder, CODE_DIR="./nowhere"), "fail", "No such file", "mkdir -p")
    says(ask("code", folder, SSH_USER="me", USER_UID="12345"), "warn", "'me' is uid 12345", "chown 12345")
    (folder / "proc/mounts").write_text(f"/dev/vda / ext4 rw 0 0\nserver:/home {folder} nfs4 rw 0 0\n")
    says(ask("code", folder), "warn", "root_squash", "--user")
    says(ask("code", folder, SSH_USER="me"), "ok", "on nfs4, which is slower")


# --- Machine --------------------------------------------------------------------------------------------------------------


def test_room_for_the_image_is_held_against_the_catalogues_size(folder: Path) -> None:
    says(ask("disk", folder), "ok", "about 1.9 needed")
    says(ask("disk", folder, size="900 TB"), "fail", "GiB free at", "docker system df")
    there = FakeEngine(folder, there=Look(None, image="sha256:1"))
    says(ask("disk", folder, engine=there, size="900 TB"), "ok", "the image is there")
    base = FakeEngine(folder, there=Look(None, base="sha256:2"))
    says(ask("disk", folder, engine=base, size="900 TB"), "ok", "about 1.0 needed")
    says(ask("disk", folder, here=False), "skip")


def test_little_memory_is_a_warning(folder: Path) -> None:
    says(ask("memory", folder), "ok", "64.0 GiB, 16 processors")
    says(ask("memory", folder, about=replace(ABOUT, memory=2**31)), "warn", "2.0 GiB", "JetBrains")


def test_shared_memory_of_the_host_must_be_had(folder: Path) -> None:
    host = Choices("python", device="cpu", shm="host")
    says(ask("shm", folder, choices=Choices("python", device="cpu", shm="8gb")), "ok", "8gb of its own")
    says(
        ask("shm", folder, choices=host, about=replace(ABOUT, name="docker-desktop")),
        "fail",
        "`composegen init python . --shm 8gb`",
    )
    assert ask("shm", folder, choices=host).status in ("ok", "warn")
    (folder / "dev/shm").rmdir()
    says(ask("shm", folder, choices=host), "fail", "no /dev/shm")


@pytest.mark.parametrize(
    ("ulimits", "bounding", "status"),
    [
        ("{memlock: -1}", "000001ffffffffff", "ok"),  # CAP_SYS_RESOURCE is among them
        ("{memlock: -1}", "000001fffeffffff", "fail"),
        ("{memlock: {soft: -1, hard: -1}}", "000001fffeffffff", "fail"),
        ("{memlock: 4096, nofile: 1024}", "000001fffeffffff", "ok"),
        ("{nofile: 2000000}", "000001fffeffffff", "fail"),
        ("[broken", "000001fffeffffff", "ok"),
    ],
)
def test_limits_that_this_host_refuses_are_named(folder: Path, ulimits: str, bounding: str, status: str) -> None:
    (folder / "compose.override.yaml").write_text(f"services: {{dev: {{ulimits: {ulimits}}}}}\n")
    (folder / "proc/1/status").write_text(f"CapBnd:\t{bounding}\n")
    (folder / "proc/1/limits").write_text(
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max open files            1024                 1048576              files\n"
        "Max locked memory         8388608              8388608              bytes\n"
    )
    says(ask("ulimits", folder), status)


def test_few_watches_are_a_warning(folder: Path) -> None:
    says(ask("inotify", folder), "skip")
    let_watch(folder, "8192")
    says(ask("inotify", folder), "warn", "8192", "sysctl")
    let_watch(folder, "1048576")
    says(ask("inotify", folder), "ok")


def test_clocks_that_are_apart_are_a_warning(folder: Path) -> None:
    says(ask("clock", folder, about=replace(ABOUT, time=now())), "ok")
    says(ask("clock", folder, about=replace(ABOUT, time=now(hours=-2))), "warn", "from this host's")
    says(ask("clock", folder, about=replace(ABOUT, time="yesterday")), "skip")


# --- Network --------------------------------------------------------------------------------------------------------------


def test_a_base_image_that_is_there_needs_no_registry(folder: Path) -> None:
    there = FakeEngine(folder, there=Look(None, base="sha256:2"))
    says(ask("registry", folder, engine=there), "ok", "is there")
    assert there.registries == []
    asked = FakeEngine(folder)
    says(ask("registry", folder, engine=asked), "ok", "python:3.12 answers")
    assert asked.registries == ["python:3.12"]
    says(ask("registry", folder, about=replace(ABOUT, mirrors=("https://m.example/",))), "ok", "mirrors or a proxy of its own")


@pytest.mark.parametrize("address", ["http://127.0.0.1:7890", "localhost:7890", "http://[::1]:7890", "socks5://127.0.0.53:1080"])
def test_a_proxy_on_loopback_is_none_for_a_build(folder: Path, address: str) -> None:
    says(ask("proxy", folder, variables={"HTTPS_PROXY": address}), "warn", "HTTPS_PROXY", "docker network inspect bridge")
    says(ask("proxy", folder, variables={"HTTPS_PROXY": "http://proxy.example:3128"}), "ok", "HTTPS_PROXY")
    says(ask("proxy", folder), "ok", "none")


def test_a_bundle_of_authorities_must_be_one(folder: Path) -> None:
    says(ask("certificates", folder), "ok")
    says(ask("certificates", folder, CA_BUNDLE="./none.pem"), "fail", "No such file")
    (folder / "ca.pem").write_text("lorem")
    says(ask("certificates", folder, CA_BUNDLE="./ca.pem"), "fail", "no certificate in PEM")
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    says(ask("certificates", folder, CA_BUNDLE="./ca.pem"), "ok")


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


def test_any_answer_of_a_mirror_is_one(folder: Path) -> None:
    with HTTPServer((BUSY, 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        says(ask("apt", folder, APT_MIRROR=f"http://127.0.0.1:{server.server_port}/debian"), "ok", "answers this host")
        server.shutdown()
        closed = server.server_port
    says(ask("apt", folder, APT_MIRROR=f"http://127.0.0.1:{closed}/debian"), "warn", "refused", "--mirror cn")
    says(ask("apt", folder), "skip")
    (folder / "etc/apt/sources.list.d").mkdir(parents=True)
    (folder / "etc/apt/sources.list.d/debian.sources").write_text(f"Types: deb\nURIs: http://127.0.0.1:{closed}/debian\n")
    says(ask("apt", folder), "warn", "127.0.0.1, asked from this host")


def test_an_index_that_pip_cannot_reach_is_said_in_its_words(folder: Path) -> None:
    with socket.create_server((BUSY, 0)) as listener:
        closed = listener.getsockname()[1]
    # This host's own pip may have a second index.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}
    found = ask("pip", folder, PIP_INDEX_URL=f"http://127.0.0.1:{closed}/simple", variables=alone)
    assert found.status in ("warn", "skip"), found
    assert found.status == "skip" or "asked from this host" in found.detail
