"""From a laptop into a container through the server: what is printed, pasted, logs in with the real OpenSSH client."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from composegen.errors import UsageError
from composegen.ssh import Address, KnownHosts
from composegen.ssh.alias import Alias
from composegen.ssh.laptop import Laptop, Server
from tests.ssh.servers import Sshd, new_key, prepared_sshd, public
from tests.support.cli import ROOT
from tests.support.laptop import Machine, two_networks

PORT, PUBLISHED = 2200, 2345  # of the server's sshd, and of the container's on the server
V4, V6 = "10.90.0.", "fd90::"


@pytest.mark.parametrize(
    ("said", "jump", "command"),
    [
        ("192.0.2.7 51000 192.0.2.1 22", "ada@192.0.2.1", "ssh ada@192.0.2.1"),
        ("192.0.2.7 51000 192.0.2.1 2200", "ada@192.0.2.1:2200", "ssh -p 2200 ada@192.0.2.1"),
        ("2001:db8::7 51000 2001:db8::1 2200", "ada@[2001:db8::1]:2200", "ssh -p 2200 ada@2001:db8::1"),
        ("fe80::7%eth0 51000 fe80::1%eth0 22", "ada@[fe80::1%%eth0]", "ssh ada@fe80::1%eth0"),
    ],
)
def test_the_server_is_where_one_came_in(said: str, jump: str, command: str) -> None:
    server = Server.came_in_by({"SSH_CONNECTION": said}, "ada")
    assert server and (server.jump, server.command) == (jump, command)


def test_a_users_name_that_ssh_config_cannot_carry_is_left_to_the_laptop() -> None:
    server = Server.came_in_by({"SSH_CONNECTION": "192.0.2.7 51000 192.0.2.1 22"}, "CORP\\ada b")
    assert server and server.jump == "192.0.2.1"


@pytest.mark.parametrize("said", ["", "UNKNOWN 65535 UNKNOWN 65535", "127.0.0.1 1 127.0.0.1 22", "::1 1 ::1 22", "192.0.2.7 1"])
def test_whoever_sits_here_or_comes_through_a_tunnel_has_no_laptop(said: str) -> None:
    assert Server.came_in_by({"SSH_CONNECTION": said}, "ada") is None


@pytest.mark.parametrize(
    ("named", "jump"),
    [("gpu", "gpu"), ("ada@gpu.example.org:2200", "ada@gpu.example.org:2200"), ("[2001:db8::1]:22", "[2001:db8::1]")],
)
def test_a_person_may_call_the_server_as_on_the_laptop(named: str, jump: str) -> None:
    assert Server.named(named).jump == jump


@pytest.mark.parametrize("named", ["", "a b", "-oProxyCommand=x", "gpu:70000", "gpu:", "gpu\nHost *", "a@", "$(id)"])
def test_what_is_no_name_is_refused(named: str) -> None:
    with pytest.raises(UsageError):
        Server.named(named)


def test_a_container_that_never_ran_is_believed_at_first_sight() -> None:
    alias = Alias("x", Address.published("0.0.0.0", 2222, "root", project="x"), Path("/key"), Path("/known"))
    laptop = Laptop(alias, Server.named("gpu"), host_keys=())
    assert "StrictHostKeyChecking accept-new" in laptop.config and "HostName 127.0.0.1" in laptop.config
    assert laptop.known_hosts == "" and "known_hosts <<" not in laptop.script


# --- Two hosts, each with a network of its own ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hosts:
    laptop: Machine
    container: Sshd  # on 127.0.0.1 of the server
    folder: Path
    environment: dict[str, str]

    def block(self, server: str) -> str:
        """What `composegen connect --laptop` prints on the server, for who came there from the laptop."""
        words = [*(f"{name}={value}" for name, value in self.environment.items()), sys.executable, "-m", "composegen"]
        argv = ["ssh", "-p", str(PORT), f"root@{server}", "env", *words, "connect", "--laptop", str(self.folder)]
        done = self.laptop(*argv)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for name in ("server", "container", "home"):
        (tmp_path / name).mkdir()
    server, container = prepared_sshd(tmp_path / "server", PORT), prepared_sshd(tmp_path / "container", PUBLISHED)
    key = new_key(tmp_path / "home", "laptops_key")  # let in by both
    for sshd, where in ((server, "server"), (container, "container")):
        (sshd.directory / "authorized_keys").write_text(f"{public(key)}\n")
        sshd.options = (f"SetEnv WHERE={where}",)
    environment = {
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "DOCKER_HOST": "unix:///nonexistent",
    }
    with two_networks(V4, V6) as (network, servers):
        laptop = Machine(tmp_path / "home", network)
        ssh = laptop.home / ".ssh"
        ssh.mkdir(mode=0o700)
        (ssh / "config").write_text("Host *\n  IdentityFile ~/laptops_key\n  User bob\n  Port 1\n")
        (ssh / "known_hosts").write_text("\n".join(f"[{part}2]:{PORT} {server.host_key}" for part in (V4, V6)))  # no line end
        try:
            for sshd in (server, container):
                sshd.prefix = ("ip", "netns", "exec", servers)
            server.start(f"ListenAddress {V4}2:{PORT}", f"ListenAddress [{V6}2]:{PORT}")
            container.start()
            for sshd in (server, container):
                sshd.wait()
            yield Hosts(laptop, container, folder(tmp_path, container, environment), environment)
        finally:
            server.stop()
            container.stop()


def folder(tmp_path: Path, container: Sshd, environment: dict[str, str]) -> Path:
    """One whose container has been up before, so that its host key is known on the server."""
    path = tmp_path / "work"
    argv = [sys.executable, "-m", "composegen", "init", "python", str(path), "--name", "work", "--port", str(PUBLISHED)]
    subprocess.run([*argv, "--user", "root"], check=True, env={**os.environ, **environment}, capture_output=True)
    address = Address.published("", PUBLISHED, "root", project="work")
    KnownHosts(tmp_path / "config/composegen/known_hosts").remember(address, container.host_key)
    return path


def test_the_block_pasted_on_the_laptop_logs_in_through_the_server(hosts: Hosts) -> None:
    laptop, config = hosts.laptop, hosts.laptop.home / ".ssh/config"
    before = config.read_text()
    assert laptop("ssh", "-p", str(PUBLISHED), f"root@{V4}2", "true").returncode == 255  # there is no other way in
    for server in (f"{V4}2", f"{V6}2"):  # the second paste goes in front of the first
        pasted = laptop("sh", stdin=hosts.block(server))
        assert (pasted.returncode, pasted.stdout, pasted.stderr) == (0, "", "")
        done = laptop("ssh", "composegen-work", "echo in the $WHERE")
        assert (done.returncode, done.stdout, done.stderr) == (0, "in the container\n", "")
        assert laptop("ssh", "-G", "composegen-work").stdout.count(server) == 1
    assert config.read_text().endswith(before) and not config.with_name("config.new").exists()
    assert laptop("ssh", "-p", str(PORT), f"root@{V4}2", "echo $WHERE").stdout == "server\n"  # its own line still counts


def test_a_server_in_the_containers_place_is_refused(hosts: Hosts) -> None:
    hosts.laptop("sh", stdin=hosts.block(f"{V4}2"))
    hosts.container.stop()
    (hosts.container.directory / "host_key").unlink()
    new_key(hosts.container.directory, "host_key")
    hosts.container.start()
    hosts.container.wait()
    done = hosts.laptop("ssh", "composegen-work", "echo in")
    assert done.returncode == 255 and "IDENTIFICATION HAS CHANGED" in done.stderr and done.stdout == ""
