"""Keys: composegen's own, the user's, and every wrong thing that can stand where a key should."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from composegen.errors import SshError, UsageError
from composegen.ssh import keys
from tests.ssh.servers import new_key, public

GOOD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOeV8JlnME3y71MGG+X1iB7bZvmjeOkeURtRDS70UA8O"


def keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True, stdin=subprocess.DEVNULL)


def fields(*parts: bytes) -> str:
    return base64.b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).decode()


# --- composegen's own ---------------------------------------------------------------------------------------------------


def test_own_key_is_made_once_and_only_its_owner_reads_it(config: Path) -> None:
    first = keys.own_key()
    before = first.read_bytes()
    assert keys.own_key() == first == config / "id_ed25519"
    assert first.read_bytes() == before
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert sorted(path.name for path in config.iterdir()) == ["id_ed25519", "id_ed25519.pub"]


def test_openssh_reads_own_key(config: Path) -> None:
    line = subprocess.run(["ssh-keygen", "-y", "-f", keys.own_key()], check=True, capture_output=True, text=True).stdout
    assert keys.bare(line) == keys.bare(keys.own_public_key())


def test_many_runs_at_once_agree_on_one_own_key(config: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        lines = set(pool.map(lambda _: (keys.own_key(), keys.own_public_key())[1], range(32)))
    assert len({keys.bare(line) for line in lines}) == 1
    assert sorted(path.name for path in config.iterdir()) == ["id_ed25519", "id_ed25519.pub"]


@pytest.mark.parametrize("damage", ["missing", "empty", "nonsense"])
def test_a_lost_public_half_is_derived_again(config: Path, damage: str) -> None:
    expected = keys.bare(keys.own_public_key())
    file = config / "id_ed25519.pub"
    file.unlink() if damage == "missing" else file.write_text("" if damage == "empty" else "nonsense\n")
    assert keys.bare(keys.own_public_key()) == expected
    assert keys.bare(file.read_text()) == expected


def test_a_damaged_own_key_is_explained_and_not_replaced(config: Path) -> None:
    config.mkdir(parents=True)
    (config / "id_ed25519").write_text("not a key")
    with pytest.raises(SshError, match="is not a private key that composegen made") as raised:
        keys.own_public_key()
    assert raised.value.hint and "remove the file" in raised.value.hint
    assert (config / "id_ed25519").read_text() == "not a key"


def test_a_configuration_directory_that_is_a_file_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(SshError, match="cannot use"):
        keys.own_key()


def test_a_relative_configuration_directory_is_ignored() -> None:
    assert keys.config_directory({"XDG_CONFIG_HOME": "relative"}) == Path.home() / ".config" / "composegen"


def test_keys_need_no_paramiko() -> None:
    program = (
        "import sys, composegen.ssh.keys as k; k.offered({}); sys.exit('paramiko' in sys.modules or 'cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], env={**os.environ, "HOME": "/nonexistent"}).returncode == 0


# --- keys in a file -----------------------------------------------------------------------------------------------------


def test_a_public_key_is_read_with_its_comment(tmp_path: Path) -> None:
    file = tmp_path / "id.pub"
    file.write_text(f"{GOOD} Ada Lovelace@host\n")
    (key,) = keys.read(file)
    assert str(key) == f"{GOOD} Ada Lovelace@host"
    assert key.fingerprint == "SHA256:" + key.fingerprint.removeprefix("SHA256:")


def test_the_fingerprint_is_the_one_ssh_keygen_shows(tmp_path: Path) -> None:
    file = new_key(tmp_path).with_suffix(".pub")
    shown = subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True).stdout
    assert keys.read(file)[0].fingerprint == shown.split()[1]


@pytest.mark.parametrize("kind", [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")])
def test_every_kind_that_ssh_keygen_makes_is_accepted(tmp_path: Path, kind: tuple[str, str]) -> None:
    keygen("-t", kind[0], *(["-b", kind[1]] if kind[1] else []), "-N", "", "-f", str(tmp_path / "key"))
    assert len(keys.read(tmp_path / "key.pub")) == 1


def test_crlf_bom_comments_and_empty_lines_are_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(f"\ufeff# mine\r\n\r\n{GOOD} one\r\n".encode())
    assert [str(key) for key in keys.read(file)] == [f"{GOOD} one"]


def test_a_comment_cannot_smuggle_control_characters_into_dotenv(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(f"{GOOD} a\x1b[31m\x00b\tc".encode())
    assert str(keys.read(file)[0]) == f"{GOOD} a[31mb c"


def test_a_comment_that_is_not_utf8_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(f"{GOOD} caf".encode() + b"\xe9\n")
    assert keys.read(file)[0].blob == GOOD.split()[1]


def test_ten_thousand_keys_are_read_once_each_in_order(tmp_path: Path) -> None:
    lines = [f"ssh-ed25519 {fields(b'ssh-ed25519', number.to_bytes(32, 'big'))} key-{number}" for number in range(10_000)]
    file = tmp_path / "keys"
    file.write_text("\n".join([*lines, *lines]))
    assert [str(key) for key in keys.read(file)] == lines


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no key"),
        ("# only a comment\n\n", "holds no key"),
        ("hello\n", "line 1: 'hello' is not a type of key"),
        (f"{GOOD}\nnonsense here\n", "line 2: 'nonsense' is not a type of key"),
        ("ssh-ed25519\n", "is not such a key"),
        ("ssh-ed25519 not-base64!\n", "damaged or cut off"),
        (f"{GOOD[:60]}\n", "damaged or cut off"),
        (f"ssh-rsa {GOOD.split()[1]}\n", "the text after ssh-rsa is not such a key"),
        (f"ssh-ed25519 {fields(b'ssh-ed25519', b'short')}\n", "is not such a key"),
        ("ssh-dss AAAA\n", "DSA keys are too weak"),
        (f"ssh-ed25519-cert-v01@openssh.com {GOOD.split()[1]}\n", "a certificate, not a key"),
        (f'command="x",no-pty {GOOD}\n', "a key with options in front"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\n", "not in OpenSSH's format"),
        ("-----BEGIN PUBLIC KEY-----\n", "not in OpenSSH's format"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "is a private key"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "is an encrypted private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "is an encrypted private key"),
        ("-----BEGIN EC PRIVATE KEY-----\n", "is a private key"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(UsageError) as raised:
        keys.read(file)
    assert said in raised.value.message
    assert raised.value.hint


def test_a_weak_rsa_key_is_refused(tmp_path: Path) -> None:
    keygen("-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "weak"))
    with pytest.raises(UsageError, match="an RSA key of 1024 bits is too weak"):
        keys.read(tmp_path / "weak.pub")


@pytest.mark.parametrize(("passphrase", "said"), [("", "is a private key"), ("secret", "is an encrypted private key")])
def test_a_private_key_is_refused_and_its_public_half_named(tmp_path: Path, passphrase: str, said: str) -> None:
    keygen("-t", "ed25519", "-N", passphrase, "-f", str(tmp_path / "id"))
    with pytest.raises(UsageError, match=said) as raised:
        keys.read(tmp_path / "id")
    assert raised.value.hint == f"give its public half: {tmp_path / 'id.pub'}"
    (tmp_path / "id.pub").unlink()
    with pytest.raises(UsageError) as raised:
        keys.read(tmp_path / "id")
    assert "ssh-keygen -y" in str(raised.value.hint)


def test_an_unreadable_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, keys.MAX_FILE + 1)
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "missing", "No such file"),
        (tmp_path, "Is a directory"),
        (large, "too large"),
        (tmp_path / "pipe", "a pipe or device"),
        (Path("/dev/zero"), "a pipe or device"),
    ):
        with pytest.raises(UsageError, match=reason):
            keys.read(path)
    forbidden = tmp_path / "forbidden"
    forbidden.write_text(GOOD)
    forbidden.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(UsageError, match="Permission denied"):
            keys.read(forbidden)


# --- keys that the user offers ------------------------------------------------------------------------------------------


def test_offered_keys_come_from_the_home_and_leave_out_what_is_none(tmp_path: Path) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    keygen("-t", "rsa", "-b", "1024", "-N", "", "-f", str(ssh / "id_rsa"))
    (ssh / "id_ed25519.pub").write_text(f"{GOOD} mine\n")
    (ssh / "id_ed25519-cert.pub").write_text(f"ssh-ed25519-cert-v01@openssh.com {GOOD.split()[1]}\n")
    (ssh / "broken.pub").write_bytes(b"\xff\xfe\x00")
    assert [str(key) for key in keys.offered({}, tmp_path)] == [f"{GOOD} mine"]
    assert keys.offered({}, tmp_path)[0].source == "~/.ssh/id_ed25519.pub"


def test_a_caller_who_came_by_ssh_offers_what_let_them_in(tmp_path: Path) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    other = public(new_key(tmp_path))
    (ssh / "authorized_keys").write_text(f'# laptop\n{GOOD} laptop\ncommand="backup" {other} backup\n')
    assert keys.offered({}, tmp_path) == ()
    (key,) = keys.offered({"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, tmp_path)
    assert (str(key), key.source) == (f"{GOOD} laptop", "~/.ssh/authorized_keys")


def test_a_home_without_ssh_and_an_agent_that_is_gone_offer_nothing(tmp_path: Path) -> None:
    assert keys.offered({"SSH_AUTH_SOCK": str(tmp_path / "gone"), "PATH": os.environ["PATH"]}, tmp_path) == ()


def test_keys_of_the_agent_come_first_and_once(tmp_path: Path) -> None:
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        environment = {"SSH_AUTH_SOCK": str(tmp_path / "agent"), "PATH": os.environ["PATH"]}
        (tmp_path / ".ssh").mkdir()
        key = new_key(tmp_path / ".ssh")
        for _ in range(100):
            if (tmp_path / "agent").exists():
                break
            import time

            time.sleep(0.05)
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
        (offered,) = keys.offered(environment, tmp_path)
        assert (keys.bare(str(offered)), offered.source) == (public(key), "ssh-agent")
    finally:
        agent.terminate()
        agent.wait()
