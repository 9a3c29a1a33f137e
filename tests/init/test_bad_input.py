"""What `init` refuses: one clear sentence, a hint, the right exit code, nothing written (`refused` asserts it)."""

from __future__ import annotations

import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.init.conftest import Said, tree

Run = Callable[..., Said]


def test_an_unknown_stack_with_the_nearest(refused: Run) -> None:
    refused("init", "mindspor", says="did you mean 'mindspore'?")
    refused("init", "../../etc", says="no stack named")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--device", "gpuu", "did you mean 'gpu'?"),
        ("--device", "rocm", "has no device 'rocm'"),
        ("--version", "9.9", "has no version 9.9"),
        ("--cuda", "12.4", "has no CUDA 12.4"),
        ("--flavour", "devel", "has no flavour 'devel'"),
        ("--mirror", "china", "no mirror named 'china'"),
        ("--init", "systemd", "no init named 'systemd'"),
        ("--shm", "0", "not a size"),
        ("--shm", "8", "not a size"),
        ("--shm", "-1gb", "not a size"),
        ("--shm", "lots", "not a size"),
        ("--shm", "1048577g", "more than any machine has"),
        ("--shm", "9" * 5000 + "b", "more than any machine has"),
        ("--shm", "8gb\n", "line break"),
        ("--base", "Not An Image", "not the name of an image"),
        ("--base", "x\nRUN evil", "line break"),
        ("--base", "${EVIL}", "not the name of an image"),
        ("--base", "", "not the name of an image"),
        ("--apt", "vim; rm -rf /", "not a Debian package"),
        ("--apt", "-oDebug=1", "not a Debian package"),
        ("--apt", "vim-", "not a Debian package"),
        ("--apt", "vim\ncurl", "line break"),
        ("--pip", "--index-url=http://evil", "not one Python requirement"),
        ("--pip", "-r other.txt", "not one Python requirement"),
        ("--pip", "rich\n--pre", "line break"),
        ("--pip", "rich==1;rm", "not one Python requirement"),
        ("--pip", "rich>=1 requests", "not one Python requirement"),
        ("--pip", "x @ https://me:s3cret@example.org/x.whl", "user or password"),
        ("--env", "1A=x", "not a variable's name"),
        ("--env", "A B=x", "not a variable's name"),
        ("--env", "=x", "not a variable's name"),
        ("--env", "A\n=x", "not a variable's name"),
        ("--env", "SSH_PORT=22", "composegen's own variable"),
        ("--env", "HF_TOKEN=hf_abc", "`--env HF_TOKEN`"),
        ("--env", "DB_PASSWORD=x", "looks like a secret"),
        ("--env", "A=\x1b[31m", "control character"),
        *[("--env", f"{name}=x", "looks like a secret") for name in ("PASS", "MYSQL_PWD", "GITHUB_PAT", "NPM_AUTH")],
        ("--env", "DATABASE_URL=postgres://me:s3cret@db/x", "looks like a secret"),
        ("--mount", "/data", "not a mount"),
        ("--mount", "/tmp:relative", "not a mount"),
        ("--mount", ":/data", "not a mount"),
        ("--mount", "/not/there:/data", "does not exist"),
        ("--mount", "/tmp:/home/code", "is taken"),
        ("--mount", "/tmp:/home/../home//code/", "is taken"),
        ("--mount", "/tmp:/", "is taken"),
        *[
            ("--mount", f"/tmp:{path}", "is taken")
            for path in ("/bin", "/lib/x", "/proc", "/dev/x", "/usr/bin", "/var/lib", "/run/sshd")
        ],
        ("--mount", "/t\nmp:/data", "line break"),
        ("--mount", "/a:b:/data", "colon"),
    ],
)
def test_a_projects_option_that_cannot_be_meant(refused: Run, option: str, value: str, says: str) -> None:
    refused("init", "mindspore", option, value, says=says)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--name", "Work", "for example 'work'"),
        ("--name", "my work", "Compose"),
        ("--name", "-x", "Compose"),
        ("--name", "work\n", "line break"),
        ("--name", "", "name"),
        ("--name", "a", "2 to 63"),
        ("--name", "a" * 64, "2 to 63"),
        ("--name", "../x", "Compose"),
        ("--port", "0", "1 to 65535"),
        ("--port", "65536", "1 to 65535"),
        ("--port", "-22", "1 to 65535"),
        ("--port", "ssh", "1 to 65535"),
        ("--port", "22.5", "1 to 65535"),
        ("--port", "٢٢", "1 to 65535"),
        ("--port", "9" * 5000, "1 to 65535"),
        ("--bind", "localhost", "not an IP address"),
        ("--bind", "256.1.1.1", "not an IP address"),
        ("--bind", "fe80::1%eth0", "scope"),
        ("--bind", "", "not an IP address"),
        ("--user", "Alice", "not a Linux user"),
        ("--user", "1up", "not a Linux user"),
        ("--user", "a" * 33, "not a Linux user"),
        ("--user", "a b", "not a Linux user"),
        ("--user", "a:b", "not a Linux user"),
        ("--user", "bob\n", "line break"),
        *[("--user", name, "user of the system itself") for name in ("daemon", "sshd", "nobody")],
        ("--user", "", "not a Linux user"),
        ("--code", "not/there", "does not exist"),
        ("--code", "/etc/passwd", "is not a folder"),
        ("--code", "a\nb", "line break"),
        ("--code", "", "empty"),
        ("--code", "a:b", "colon"),
        ("--code", "a\u2028b", "line break"),
        ("--gpus", "0,0", "twice"),
        ("--gpus", "1.5", "not a number of GPUs"),
        ("--gpus", "0", "`--gpus none` or `--gpus device=0`"),
        ("--gpus", "-2", "not a number of GPUs"),
        ("--gpus", "1000", "not a number of GPUs"),
        ("--gpus", "2,device=0", "both how many and which"),
        ("--gpus", "count=2,device=0", "both how many and which"),
        ("--gpus", "device=0,count=2", "both how many and which"),
        ("--gpus", "all,0", "is not a GPU"),
        ("--gpus", "none,0", "is not a GPU"),
        ("--gpus", "0,", "is not a GPU"),
        ("--gpus", "", "is not a GPU"),
        ("--gpus", "some", "is not a GPU"),
        ("--gpus", "GPU-x y", "is not a GPU"),
        ("--gpus", "0\n", "line break"),
    ],
)
def test_a_persons_option_that_cannot_be_meant(refused: Run, option: str, value: str, says: str) -> None:
    refused("init", "mindspore", option, value, says=says)


def test_gpus_without_a_gpu_variant(refused: Run) -> None:
    refused("init", "python", "--gpus", "all", says="does not go with device 'cpu'")
    refused("init", "mindspore", "--device", "cpu", "--gpus", "none", says="does not go with device 'cpu'")


def test_the_same_thing_said_twice(refused: Run) -> None:
    refused("init", "python", "--env", "A=1", "--env", "A=2", says="A twice")
    refused("init", "python", "--mount", "/tmp:/data", "--mount", "/usr:/data", says="/data twice")


def test_a_taken_port_with_the_next_free_one(refused: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused("init", "python", "--port", str(port), code=1, says=f"port {port} of 127.0.0.1 is taken")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "empty"),
        ("two\nlines\n", "line break"),
        ("tab\there\n", "control character"),
        ("x" * 512, "512 bytes long, and Linux takes 511"),
    ],
)
def test_a_password_no_login_would_take(refused: Run, password: str, says: str) -> None:
    refused("init", "python", "--password", stdin=password, says=says)


@pytest.mark.parametrize("password", ["short", "password1234", "111111111111", "123456789012", "Passw0rd!!!!!", "aaaaaaaaabbbbb"])
def test_a_weak_password_where_others_can_try_it(refused: Run, composegen: Run, password: str) -> None:
    refused("init", "python", "--password", "--bind", "0.0.0.0", stdin=f"{password}\n", says="too weak")
    composegen("init", "python", "--password", stdin=f"{password}\n").ok()


def test_a_weak_password_that_would_become_reachable(composegen: Run, here: Path) -> None:
    composegen("init", "python", "--password", stdin="short\n").ok()
    before = tree(here)
    said = composegen("init", "python", "--bind", "0.0.0.0")
    assert said.code == 2 and "too weak" in said.stderr and tree(here) == before


PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n"
ENCRYPTED = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize("content", [PRIVATE, ENCRYPTED, "", "ssh-ed25519 not-base64\n", "hello\n", "ssh-ed25519\n", "\x00\xff"])
def test_a_key_file_that_is_no_public_key(refused: Run, here: Path, content: str) -> None:
    (here / "key.pub").write_bytes(content.encode("latin-1"))
    refused("init", "python", "--key", here / "key.pub")


def test_a_key_file_that_cannot_be_read(refused: Run, here: Path) -> None:
    refused("init", "python", "--key", here / "missing.pub")
    refused("init", "python", "--key", here)


@pytest.mark.parametrize("name", ["x.whl", "my_pkg-1.0.tar.gz", "my_pkg-1.0-py3-none-any.whl.txt", "a b-1.0-py3-none-any.whl"])
def test_a_wheel_whose_name_is_none(refused: Run, here: Path, name: str) -> None:
    with zipfile.ZipFile(here / name, "w") as archive:
        archive.writestr("x", "")
    refused("init", "python", "--wheel", here / name, says="not a wheel's name")


def test_a_wheel_that_is_missing_or_damaged(refused: Run, here: Path) -> None:
    path = here / "my_pkg-1.0-py3-none-any.whl"
    refused("init", "python", "--wheel", path, says="no file")
    path.write_text("<html>404</html>")
    refused("init", "python", "--wheel", path, says="no zip archive")


def test_a_folder_that_is_not_ours(refused: Run, here: Path) -> None:
    (here / "python").mkdir()
    (here / "python/thesis.tex").write_text("mine")
    refused("init", "python", code=1, says="composegen did not write it")
    (here / "python/compose.yaml").write_text("services: {}\n")
    refused("init", "python", code=1, says="composegen did not write it")


def test_a_file_where_the_folder_should_be(refused: Run, here: Path) -> None:
    (here / "python").write_text("mine")
    refused("init", "python", code=1, says="is a file")


def test_a_folder_whose_record_is_nonsense(refused: Run, composegen: Run, here: Path) -> None:
    (here / "w").mkdir()
    for text in (
        "x-composegen: 3\n",
        "x-composegen:\n  schema: 99\n",
        "x-composegen:\n  schema: 1\n  stack: []\n",
        "x-composegen: [\n",
    ):
        (here / "w/compose.yaml").write_text(text)
        refused("init", "python", "w", code=1)


@pytest.mark.parametrize(
    ("name", "says"), [("a\nb", "line break"), ("a:b", "colon"), ("100%", "holds '%': Compose takes the path")]
)
def test_a_folder_that_compose_could_not_use(refused: Run, name: str, says: str) -> None:
    refused("init", "python", name, says=says)


def test_an_env_file_that_compose_could_not_read(composegen: Run, here: Path) -> None:
    composegen("init", "python").ok()
    (here / "python/.env").write_text("A='x\n")
    before = tree(here)
    said = composegen("init", "python", "--port", "23460")
    assert said.code == 1 and "line 1" in said.stderr and tree(here) == before


def test_a_disk_that_cannot_be_written(composegen: Run) -> None:
    said = composegen("init", "python", "/proc/composegen")
    assert said.code == 1 and "cannot write" in said.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place(refused: Run, here: Path) -> None:
    here.chmod(0o500)
    try:
        refused("init", "python", code=1, says="Permission denied")
    finally:
        here.chmod(0o700)


def test_an_unknown_option_is_wrong_usage(composegen: Run, here: Path) -> None:
    assert composegen("init", "python", "--frobnicate").code == 2
    assert composegen("init").code == 2
    assert tree(here) == {}
