"""What no login would take, at every way in: one sentence, a hint, exit code 2, nothing written, and no private key shown."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import Cli, Result

GOOD = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOeV8JlnME3y71MGG+X1iB7bZvmjeOkeURtRDS70UA8O"
SK = ("sk-ssh-ed25519@openssh.com", (b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"))


def keygen(path: Path, *arguments: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "me", *arguments, "-f", str(path)], check=True)
    return path


def blob(*parts: bytes) -> str:
    return base64.b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).decode()


def weak(directory: Path) -> str:
    return keygen(directory / "weak", "-t", "rsa", "-b", "1024").with_suffix(".pub").read_text()


def private(directory: Path) -> str:
    return keygen(directory / "private", "-t", "ed25519").read_text()


def certificate(directory: Path) -> str:
    authority, key = keygen(directory / "authority", "-t", "ed25519"), keygen(directory / "key", "-t", "ed25519")
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "me", f"{key}.pub"], check=True)
    return (directory / "key-cert.pub").read_text()


WRONG: dict[str, tuple[Callable[[Path], str], str]] = {
    "empty": (lambda _: "", "holds no key"),
    "comments alone": (lambda _: "# mine\n\n", "holds no key"),
    "not a key": (lambda _: "hello world\n", "is not a type of key"),
    "cut off": (lambda _: f"{GOOD[:60]}\n", "damaged or cut off"),
    "another type than it says": (lambda _: f"ssh-rsa {GOOD.split()[1]}\n", "not such a key"),
    "the second line": (lambda _: f"{GOOD} me\nhello world\n", "line 2"),
    "RSA of 1024 bits": (weak, "1024 bits is too weak"),
    "DSA": (lambda _: f"ssh-dss {blob(b'ssh-dss', b'p', b'q', b'g', b'y')} me\n", "DSA keys are too weak"),
    "certificate": (certificate, "a certificate, not a key"),
    "options in front": (lambda _: f'from="10.0.0.0/8",no-pty {GOOD} me\n', "options in front"),
    "private": (private, "private key, which must stay where it is"),
}


def explained(done: Result, says: str) -> None:
    assert done.code == 2, done
    error, *more = [line for line in done.stderr.splitlines() if not line.startswith("note: exported")]
    assert error.startswith("error: ") and says in error, done.stderr
    assert len(more) == 1 and more[0].startswith("  hint: "), done.stderr
    assert "BEGIN" not in done.stdout + done.stderr and "b3BlbnNz" not in done.stdout + done.stderr


@pytest.mark.parametrize("wrong", WRONG)
def test_init_and_ssh_keys_refuse_what_is_no_usable_key(composegen: Cli, tmp_path: Path, wrong: str) -> None:
    make, says = WRONG[wrong]
    text, here, file = make(tmp_path), tmp_path / "here", tmp_path / "given"
    file.write_text(text)
    here.mkdir()
    explained(composegen("init", "python", "w", "--key", str(file), cwd=here), says)
    assert list(here.iterdir()) == []
    composegen("init", "python", "w", cwd=here).ok()
    before = (here / "w/.env").read_text()
    explained(composegen("ssh-keys", "add", "w", str(file), cwd=here), says)
    explained(composegen("ssh-keys", "add", "w", stdin=text, cwd=here), says)
    assert (here / "w/.env").read_text() == before


def test_a_private_keys_path_leads_to_its_public_half(composegen: Cli, tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", "-t", "ed25519")
    for words in (["init", "python", "w", "--key", str(key)], ["ssh-keys", "add", str(key)]):
        done = composegen(*words, cwd=tmp_path)
        explained(done, f"{key} is a private key")
        assert f"hint: give its public half: {key}.pub" in done.stderr


def test_several_files_crlf_and_security_keys_are_taken(composegen: Cli, tmp_path: Path) -> None:
    (tmp_path / "windows.pub").write_bytes(f"\ufeff{GOOD} windows\r\n".encode())
    (tmp_path / "token.pub").write_text(f"{SK[0]} {blob(*SK[1])} token\n")
    made = composegen("init", "python", "w", "--key", "windows.pub", "--key", "token.pub", "--json", cwd=tmp_path).ok()
    assert made.json["keys"][:2] == ["windows", "token"]
    assert "\r" not in (tmp_path / "w/.env").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["frobnicate"], "no action named 'frobnicate'"),
        (["add", "missing.pub"], "cannot read the key file missing.pub"),
        (["list", "w", "v"], "one folder at a time"),
    ],
)
def test_ssh_keys_that_cannot_be_meant(composegen: Cli, tmp_path: Path, words: list[str], says: str) -> None:
    for name in ("w", "v"):
        composegen("init", "python", name, cwd=tmp_path).ok()
    explained(composegen("ssh-keys", *words, cwd=tmp_path), says)


# --- What `.env` says, before `up` touches anything -------------------------------------------------------------------------


def up_with(composegen: Cli, folder: Path, **exported: str) -> Result:
    if not folder.exists():
        composegen("init", "python", str(folder)).ok()
    return composegen("up", str(folder), env=exported)


needs_docker = pytest.mark.skipif(not shutil.which("docker"), reason="`up` looks for docker first")


@needs_docker
@pytest.mark.parametrize("wrong", ["not a key", "cut off", "RSA of 1024 bits", "DSA", "certificate", "private"])
def test_up_refuses_keys_that_sshd_would_pass_over_in_silence(composegen: Cli, tmp_path: Path, wrong: str) -> None:
    make, says = WRONG[wrong]
    explained(up_with(composegen, tmp_path / "w", SSH_AUTHORIZED_KEYS=f"{GOOD} me\n{make(tmp_path)}"), says)


@needs_docker
@pytest.mark.parametrize("password", ["12345", "password1234", "Passw0rd!!!!!", "Summer2026!x", "mindspore2024", "Tr0ub4dour&3"])
def test_up_refuses_a_weak_password_where_others_can_try_it(composegen: Cli, tmp_path: Path, password: str) -> None:
    done = up_with(composegen, tmp_path / "w", SSH_PASSWORD=password, SSH_BIND="0.0.0.0")
    explained(done, "SSH_PASSWORD: the password is too weak for 0.0.0.0")
    assert password not in done.stderr


@needs_docker
@pytest.mark.parametrize(
    ("password", "says"), [("two\nlines", "line break"), ("x" * 512, "Linux takes 511"), ("tab\there", "control character")]
)
def test_up_refuses_a_password_that_no_login_takes(composegen: Cli, tmp_path: Path, password: str, says: str) -> None:
    explained(up_with(composegen, tmp_path / "w", SSH_PASSWORD=password), says)


def test_a_strong_password_is_taken_everywhere_and_a_weak_one_on_loopback_with_a_note(composegen: Cli, tmp_path: Path) -> None:
    strong = ("init", "python", "strong", "--password", "--bind", "0.0.0.0")
    assert "weak" not in composegen(*strong, stdin="correct horse battery staple\n", cwd=tmp_path).ok().stdout
    weak = composegen("init", "python", "weak", "--password", stdin="12345\n", cwd=tmp_path).ok().stdout
    assert "note: the password is weak" in weak and "12345" not in weak
