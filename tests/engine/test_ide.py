"""`composegen ide` on a real container: from a local release feed over SSH into the volume, and Gateway's way to what is there."""

from __future__ import annotations

import platform
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Work
from tests.support import archives
from tests.support.cli import Cli
from tests.support.engine import Engine, free_port, tear_down, unique_name
from tests.support.feed import Site, serving
from tests.support.ssh_client import OPTIONS, greeting

pytestmark = pytest.mark.engine

ARCHITECTURE = platform.machine()
BUILD = "243.22562.220"
PATH = f"/var/lib/ide/ada/.local/share/JetBrains/backends/pycharm-{BUILD}"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, engine: Engine, base_image: str) -> Iterator[Work]:
    folder, project, port = tmp_path_factory.mktemp("ide"), unique_name(), free_port()
    cli = Cli(home=folder / "home")
    where = ["--base", base_image, "--name", project, "--port", str(port), "--user", "ada"]
    cli("init", "python", str(folder / "work"), *where).ok()
    made = Work(folder / "work", project, port, cli, engine)
    try:
        made("up", "--no-test").ok()
        yield made
    finally:
        tear_down(engine, project)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A feed with a stand-in PyCharm in it."""
    with serving() as served:
        archive = archives.ide(tmp_path / "pycharm-2024.3.1.tar.gz", architecture=ARCHITECTURE, padding=200_000)
        for each in archives.MACHINES:
            platform_key = "linux" if each == "x86_64" else "linuxARM64"
            served.release("PCP", archive, version="2024.3.1", build=BUILD, platform=platform_key, how="redirect")
        yield served


def test_a_backend_from_the_feed_survives_every_re_creation_and_is_never_downloaded_again(box: Work, site: Site) -> None:
    done = box("ide", "install", "pycharm", "--json", env=site.environment).ok()
    assert done.json["state"] == "installed" and done.json["path"] == PATH and done.json["kept"]
    assert done.json["verified_by"] == f"{site.url}/ok/pycharm-2024.3.1.tar.gz.sha256"
    link = box("connect", "--ide", "gateway-backend").ok().stdout
    assert f"&deploy=false&idePath={PATH.replace('/', '%2F')}&" in link
    site.asked.clear()
    for commands in ((), (("up", "--recreate", "--build", "--no-test"),), (("down",), ("up", "--no-test"))):
        for command in commands:
            box(*command).ok()
        again = box("ide", "install", "pycharm", env=site.environment).ok()
        assert f"is already there: {PATH}" in again.stdout
        (found,) = box("ide", "list", "--json").ok().json["backends"]
        assert (found["name"], found["build"], found["registered"], found["ours"]) == ("pycharm", BUILD, True, True)
        assert box.engine("exec", box.project, "find", PATH, "!", "-user", "ada") == ""
        assert box("connect", "--ide", "gateway-backend").ok().stdout == link
    assert not site.requests_of("pycharm-2024.3.1.tar.gz")
    assert box("ide", "remove", "pycharm").ok().stdout == f"removed {PATH}\n"
    assert box("ide", "list", "--json").ok().json["backends"] == []


def test_gateway_finds_it_starts_it_and_reaches_it(box: Work, site: Site) -> None:
    """As Gateway does it: what is registered, `status`, `run` in a login shell, a local forward. The backend is a stand-in."""
    for user in ("ada", "root"):
        env = {**site.environment, "SSH_USER": user}
        box("ide", "install", "pycharm", env=env).ok()
        found = login(box, user, "readlink -f ~/.cache/JetBrains/RemoteDev/userProvidedDist/*").splitlines()
        assert found == [PATH.replace("ada", user)]
        server = f"{found[0]}/bin/remote-dev-server.sh"
        assert '"productCode": "PY"' in login(box, user, f"{server} status")
        login(box, user, f"rm -f ~/port; (nohup {server} run /home/code >/dev/null 2>&1 </dev/null &)")
        remote = login(box, user, "for _ in $(seq 100); do if [ -s ~/port ]; then break; fi; sleep 0.1; done; cat ~/port").strip()
        port = free_port()
        with subprocess.Popen(ssh(box, user, "-N", f"-L127.0.0.1:{port}:127.0.0.1:{remote}")) as forward:
            try:
                assert greeting(port) == "IDE server of /home/code"
                refused = box("ide", "remove", "pycharm", env=env)
                assert refused.code == 1 and "PyCharm 2024.3.1 runs in the container" in refused.stderr
            finally:
                forward.terminate()
        login(box, user, f"pkill -u $(id -u) -f ^python3.{found[0]}/server.py")
        box("ide", "remove", "pycharm", env=env).ok()


def ssh(box: Work, user: str, *options: str) -> list[str]:
    key = box.cli.home / ".config/composegen/id_ed25519"
    chosen = [f"-o{name}={value}" for name, value in OPTIONS]
    return ["ssh", "-F", "/dev/null", *chosen, "-oBatchMode=yes", f"-i{key}", *options, "-p", str(box.port), f"{user}@127.0.0.1"]


def login(box: Work, user: str, command: str) -> str:
    marked = f"$SHELL -lc 'echo REMOTE_EXEC_OUTPUT_MARKER_ && {command}'"
    done = subprocess.run([*ssh(box, user), marked], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.partition("REMOTE_EXEC_OUTPUT_MARKER_\n")[2]


def test_an_installation_that_is_interrupted_leaves_nothing(box: Work, tmp_path: Path) -> None:
    archive = archives.ide(tmp_path / "big.tar.gz", architecture=ARCHITECTURE, padding=60_000_000)
    done = box.interrupted("ide", "install", "pycharm", "--archive", str(archive), once="unpack", after=0.05)
    assert done.code == 130, done.stderr
    assert box("ide", "list", "--json").ok().json["backends"] == []
    deadline = time.monotonic() + 20
    while box.engine("exec", box.project, "sh", "-c", "find /var/lib/ide/ada -name .composegen.new.*"):
        assert time.monotonic() < deadline, "what was begun is still there"
        time.sleep(0.1)


def test_an_extension_is_there_for_both_clients_and_survives(box: Work, tmp_path: Path) -> None:
    file = archives.vsix(tmp_path / "python.vsix")
    done = box("ide", "install", str(file), "--cursor", "--json").ok().json["extensions"]
    assert [(each["client"], each["new"], each["kept"]) for each in done] == [("vscode", True, True), ("cursor", True, True)]
    box("up", "--recreate", "--no-test").ok()
    found = box("ide", "list", "--json").ok().json["extensions"]
    assert [(each["client"], each["id"], each["version"]) for each in found] == [
        ("vscode", "ms-python.python", "2024.22.0"),
        ("cursor", "ms-python.python", "2024.22.0"),
    ]
    assert (
        box.engine("exec", box.project, "sh", "-c", "stat -c %U /var/lib/ide/ada/.*-server/extensions/*/*").split() == ["ada"] * 6
    )
    assert len(box("ide", "remove", "ms-python.python").ok().stdout.splitlines()) == 2
    assert box("ide", "list").ok().stdout.startswith("nothing of an IDE is in the container")


def test_a_volume_of_another_uid_is_said_and_the_hint_gives_it_back(box: Work, site: Site) -> None:
    place = "/var/lib/ide/ada/.local/share/JetBrains"
    box.engine("exec", box.project, "chown", "-R", "4321", place)
    refused = box("ide", "install", "pycharm", env=site.environment)
    assert refused.code == 1 and "belongs to uid 4321, and ada is" in refused.stderr
    command = re.findall(r"`composegen (exec -- .*?)`", refused.stderr)
    box(*command[0].split()).ok()
    box("ide", "install", "pycharm", env=site.environment).ok()
    box("ide", "remove", "pycharm").ok()


def test_a_container_that_is_not_there_stopped_or_without_ssh_is_said(
    box: Work, tmp_path: Path, site: Site, base_image: str
) -> None:
    never = tmp_path / "never"
    box.cli("init", "python", str(never), "--base", base_image, "--name", unique_name()).ok()
    absent = box.cli("ide", "install", "pycharm", str(never), env=site.environment)
    assert absent.code == 1 and "this folder has no container yet" in absent.stderr and "composegen up" in absent.stderr
    box("stop").ok()
    try:
        for command in (("install", "pycharm"), ("list",), ("remove", "pycharm")):
            stopped = box("ide", *command, env=site.environment)
            assert stopped.code == 1 and "the container is not running: exited" in stopped.stderr
    finally:
        box("start").ok()
    box.engine("exec", box.project, "sh", "-c", "echo Nonsense >>/run/composegen/sshd_config; pkill -x sshd")
    try:
        silent = box("ide", "list", env=site.environment)
        assert silent.code == 1 and "error: " in silent.stderr and "hint: " in silent.stderr, silent.stderr
    finally:
        box("restart").ok()
