"""Who gets in by key, password and name, whatever a person writes into `.env` or mounts: plain Docker and the real clients."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from composegen.model import Choices
from tests.container.conftest import MakeBox
from tests.support.box import Box, make_box
from tests.support.engine import Engine, as_root, free_port, tear_down, unique_name
from tests.support.ssh_client import ssh, wait_for_banner

pytestmark = pytest.mark.engine

STRANGER = 54321  # a uid that nobody has, here or there


@dataclass(frozen=True)
class Started:
    engine: Engine
    name: str
    port: int
    key: Path

    def ssh(self, command: str, *, user: str = "root", key: Path | None = None) -> subprocess.CompletedProcess[str]:
        return ssh(self.port, command, user=user, key=key or self.key)

    def inside(self, *command: str, stdin: str | None = None) -> str:
        done = self.engine.run("exec", "-i", self.name, *command, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def log(self) -> str:
        said = self.engine.run("logs", self.name)
        return said.stdout + said.stderr


@pytest.fixture(scope="module")
def built(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One image for all tests here; its key is in a file."""
    name = unique_name()
    made = make_box(engine, tmp_path_factory.mktemp("built") / name, name, free_port(), Choices("python", "cpu"), base=base_image)
    made.compose("build")
    yield made
    tear_down(engine, name)


@pytest.fixture
def start(built: Box, engine: Engine) -> Iterator[Callable[..., Started]]:
    """`docker run` of that image with these variables and mounts; its key gets in unless `keys` is another list, or none."""
    names: list[str] = []

    def run(*options: str, keys: Path | None = built.key.with_suffix(".pub"), **variables: str) -> Started:
        names.append(unique_name())
        port = free_port()
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        given += ["--volume", f"{keys}:/etc/composegen/authorized_keys"] if keys else []
        published = ("--publish", f"127.0.0.1:{port}:22")
        engine("run", "--detach", "--name", names[-1], *published, *given, *options, f"{built.name}-dev")
        wait_for_banner(port)
        return Started(engine, names[-1], port, built.key)

    yield run
    for name in names:
        engine.run("rm", "--force", "--volumes", name)


# --- Names and numbers of users -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "uid", "gid"),
    [
        ("alice", "501", "20"),  # a Mac's; 20 is Debian's group dialout
        ("alice", "33", "33"),  # www-data has both
        ("alice", "1", "100"),  # daemon has it, whose home is /usr/sbin; 100 is the group users, as Synology and SUSE have it
        ("a" * 32, "4294967294", "4294967294"),
        ("users", "65534", "65534"),  # a group has the name, nobody and nogroup the numbers
    ],
)
def test_a_login_of_that_name_and_numbers(start: Callable[..., Started], name: str, uid: str, gid: str) -> None:
    made = start(SSH_USER=name, USER_UID=uid, USER_GID=gid)
    seen = made.ssh("id -un; id -u; id -g; cd && pwd && test -w . && echo mine", user=name)
    assert seen.stdout == f"{name}\n{uid}\n{gid}\n/home/{name}\nmine\n", seen.stderr + made.log
    if uid == "33":
        made.engine("restart", made.name)
        wait_for_banner(made.port)
        assert made.ssh("id -u", user=name).stdout == f"{uid}\n"
    assert made.ssh("test -x /usr/sbin/sshd && id -u").stdout == "0\n"


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("Alice", "1000"),
        ("1000", "1000"),
        ("a" * 33, "1000"),
        ("-r", "1000"),
        ("www-data", "1000"),
        ("alice", "4294967295"),
    ],
)
def test_a_user_that_cannot_be_leaves_root_the_way_in(start: Callable[..., Started], name: str, uid: str) -> None:
    made = start(SSH_USER=name, USER_UID=uid, USER_GID=uid)
    assert made.ssh("id -un").stdout == "root\n", made.log
    assert f"there can be no user '{name}'" in made.log
    assert made.ssh("true", user=name).returncode != 0


# --- Mounts in a home ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/root/.cache/huggingface", "/root/.vscode-server", "/root", "/home/alice/.cache/huggingface"])
def test_what_is_mounted_into_a_home_stays_as_it_is_and_locks_nobody_out(
    start: Callable[..., Started], tmp_path: Path, target: str
) -> None:
    """As `-v ~/.cache/huggingface:/root/.cache/huggingface`: what IDEs keep moves to its volume, and nobody's models."""
    (tmp_path / ".cache").mkdir()
    for file in ("model.bin", ".cache/other.bin"):
        (tmp_path / file).write_text("precious")
    made = start("--volume", f"{tmp_path}:{target}", SSH_USER="alice", USER_UID="1234", USER_GID="1234")
    for user in ("root", "alice"):
        assert made.ssh("touch ~/.here ~/.cache/there && id -un", user=user).stdout == f"{user}\n", made.log
    assert [(tmp_path / file).read_text() for file in ("model.bin", ".cache/other.bin")] == ["precious"] * 2
    assert (tmp_path / ".cache").is_dir() and not (tmp_path / ".cache").is_symlink()


def test_another_uid_than_last_time_still_owns_what_its_ide_keeps(start: Callable[..., Started], engine: Engine) -> None:
    volume = unique_name()
    try:
        for uid in ("1234", "4321"):
            made = start("--volume", f"{volume}:/var/lib/ide", SSH_USER="alice", USER_UID=uid, USER_GID=uid)
            kept = made.ssh("echo x >>~/.cache/kept && cat ~/.cache/kept", user="alice").stdout
            engine("rm", "--force", made.name)
        assert kept == "x\nx\n"
    finally:
        engine.run("volume", "rm", volume)


# --- Lists of keys that are mounted --------------------------------------------------------------------------------------


@pytest.fixture
def a_strangers(tmp_path: Path) -> Iterator[Callable[[Path, int], Path]]:
    """A key's list with CRLF, as a file of somebody else's with that mode."""
    file = tmp_path / "authorized_keys"

    def make(key: Path, mode: int) -> Path:
        file.write_bytes(key.with_suffix(".pub").read_bytes().replace(b"\n", b"\r\n"))
        subprocess.run(as_root("chown", f"{STRANGER}:{STRANGER}", str(file)), check=True)
        subprocess.run(as_root("chmod", f"{mode:o}", str(file)), check=True)
        return file

    yield make
    subprocess.run(as_root("rm", "-f", str(file)), check=True)


@pytest.mark.parametrize("mode", [0o666, 0o000])
def test_owner_and_mode_of_a_mounted_list_lock_nobody_out(
    box: MakeBox, a_strangers: Callable[[Path, int], Path], mode: int
) -> None:
    made = box(SSH_USER="alice", USER_UID="1234", USER_GID="1234")
    file = a_strangers(made.key, mode)
    mount = f"      - {{type: bind, source: {file}, target: /etc/composegen/authorized_keys}}\n"
    without_ours = "    configs: !override\n      - {source: password, target: /etc/composegen/password}\n"
    (made.path / "compose.override.yaml").write_text(f"services:\n  dev:\n    volumes:\n{mount}{without_ours}")
    made.up()
    for user in ("root", "alice"):
        done = made.ssh("id -un", user=user)
        assert done.stdout == f"{user}\n", done.stderr + made.logs()
    assert not made.passwords_in_log()


def test_keys_that_come_later_leave_a_mounted_list_alone(
    start: Callable[..., Started], built: Box, a_strangers: Callable[[Path, int], Path], tmp_path: Path
) -> None:
    file = a_strangers(built.key, 0o644)
    before, another = file.read_bytes(), _new_key(tmp_path)
    made = start(keys=file)
    made.inside("composegen-entrypoint", "keys", stdin=another.with_suffix(".pub").read_text())
    assert [made.ssh("true", key=key).returncode for key in (built.key, another)] == [0, 0]
    made.engine("restart", made.name)
    wait_for_banner(made.port)
    assert [made.ssh("true", key=key).returncode for key in (built.key, another)] == [0, 0]
    made.inside("composegen-entrypoint", "keys", stdin="")
    assert [made.ssh("true", key=key).returncode for key in (built.key, another)] == [0, 255]
    assert file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o666, 0o000])
def test_owner_and_mode_of_a_list_mounted_into_a_home_lock_nobody_out(
    start: Callable[..., Started], built: Box, a_strangers: Callable[[Path, int], Path], mode: int
) -> None:
    """As `-v ~/.ssh/authorized_keys:/root/.ssh/authorized_keys`, whose owner is nobody whom sshd would trust."""
    made = start("--volume", f"{a_strangers(built.key, mode)}:/root/.ssh/authorized_keys:ro", keys=None)
    assert made.ssh("id -un").stdout == "root\n", made.log


def _new_key(directory: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(directory / "another")], check=True)
    return directory / "another"


# --- Passwords -------------------------------------------------------------------------------------------------------------


EVERY = "".join(chr(code) for code in range(33, 127))


@pytest.mark.parametrize(
    "password",
    [EVERY, f"  {EVERY[::-1]}  ", "$HOME ${x} $$ \\", " ", "пароль-密码-é-😀", "x" * 511],
    ids=["every character", "spaces at both ends", "dollars", "a space", "other scripts", "the longest"],
)
def test_a_password_logs_in_as_it_was_written(box_with_password: Callable[[str], Box], password: str) -> None:
    made = box_with_password(password)
    done = made.ssh("echo in", password=password)
    assert done.stdout == "in\n", done.stderr + made.logs()
    assert _paramiko_gets_in(made.port, password)
    assert not _paramiko_gets_in(made.port, f"{password}x" if len(password) < 511 else password[:-1])


@pytest.mark.parametrize("password", ["x" * 512, "x" * 1000, "two\nroot:lines"], ids=["512", "1000", "two lines"])
def test_a_password_that_no_login_takes_is_said_and_keys_go_on(box_with_password: Callable[[str], Box], password: str) -> None:
    made = box_with_password(password)
    assert "SSH_PASSWORD was not taken: it is one line of 511 bytes at most" in made.logs()
    assert made.ssh("echo in").stdout == "in\n"
    for wrong in (password, *password.splitlines(), "lines"):
        assert not _paramiko_gets_in(made.port, wrong)


@pytest.fixture(scope="module")
def box_with_password(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Box]]:
    """One folder, whose container is made anew with that SSH_PASSWORD in .env, and its own key besides."""
    name, path, port = unique_name(), tmp_path_factory.mktemp("passwords"), free_port()

    def make(password: str) -> Box:
        folder = path / str(time.monotonic_ns()) / name
        made = make_box(
            engine,
            folder,
            name,
            port,
            Choices("python", "cpu"),
            base=base_image,
            SSH_AUTHORIZED_KEYS="own",
            SSH_PASSWORD=password,
        )
        engine.run("rm", "--force", name)
        return made.up()

    yield make
    tear_down(engine, name)


def _paramiko_gets_in(port: int, password: str) -> bool:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        try:
            client.connect("127.0.0.1", port, "root", password, look_for_keys=False, allow_agent=False, timeout=20)
        except paramiko.AuthenticationException:
            return False
        return True
