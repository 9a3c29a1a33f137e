"""Places and values that a disk, a shell or a slip may hold: each is one sentence and a hint, and nothing is written."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pytest
import typer
from typer.testing import CliRunner

from composegen.cli.app import Commands
from tests.support.cli import Cli, Result

Run = Callable[..., Result]


@pytest.fixture
def run(composegen: Cli, tmp_path: Path) -> Run:
    here = tmp_path / "here"
    here.mkdir()
    return lambda *arguments, **more: composegen(*arguments, **{"cwd": here, **more})


def explained(result: Result, code: int, said: str) -> None:
    assert result.code == code, result
    assert result.stderr.startswith("error: ") and "\n  hint: " in result.stderr, result.stderr
    assert said in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


LONG = "x" * 300


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([LONG], "File name too long"),
        (["w", "--code", f"/tmp/{LONG}"], "File name too long"),
        (["w", "--mount", f"/tmp/{LONG}:/m"], "File name too long"),
        (["w", "--wheel", f"{LONG}-1-py3-none-any.whl"], "File name too long"),
        (["loop"], "link"),  # a loop of symbolic links, or since Python 3.13 one that leads nowhere
        (["loop/sub"], "link"),
        (["w", "--code", "loop"], "loop"),
        (["w", "--mount", "loop:/m"], "loop"),
        (["dangling"], "leads nowhere"),
        (["dangling/sub"], "'dangling' is a link that leads nowhere"),
        (["file/sub"], "is not a folder"),
        (["com,ma"], "CSV"),
        (['quo"te'], "CSV"),
        (["${HOME}"], "variable"),
        (["per%cent"], "web address"),
        (["w", "--key", "pipe"], "is a pipe"),
        (["w", "--key", "/dev/zero"], "or device"),
        (["w", "--key", "~nobody-of-this-name/key.pub"], "no such user"),
        (["w", "--shm", "99999999999999999g"], "more than any machine has"),
    ],
    ids=lambda value: value[0][:12] if isinstance(value, list) else None,
)
def test_init_explains_an_odd_path(run: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    here = tmp_path / "here"
    (here / "loop").symlink_to("loop")
    (here / "dangling").symlink_to("nowhere")
    (here / "file").touch()
    os.mkfifo(here / "pipe")
    before = sorted(here.iterdir())
    result = run("init", "python", *arguments, timeout=20)
    assert result.code == 2, result
    explained(result, 2, said)
    assert sorted(here.iterdir()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not enter a folder")
@pytest.mark.parametrize("arguments", [["closed"], ["closed/p"], ["w", "--code", "closed/in"], ["w", "--mount", "closed/in:/m"]])
def test_a_folder_that_may_not_be_entered_is_explained(composegen: Cli, tmp_path: Path, arguments: list[str]) -> None:
    public = Path(mkdtemp(prefix="cg-", dir="/tmp"))
    try:
        (public / "closed").mkdir(mode=0o700)
        (public / "closed/in").mkdir()
        somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        may_run = composegen.argv()[0]
        if subprocess.run([*somebody, may_run, "-c", ""], capture_output=True).returncode != 0:
            pytest.skip("another user may not run this Python")
        public.chmod(0o777)
        result = Cli(home=public / "home", prefix=tuple(somebody))("init", "python", *arguments, cwd=public)
        assert result.code in (1, 2) and "Traceback" not in result.stderr, result
        assert result.code == 2, result
        explained(result, result.code, "closed")
    finally:
        shutil.rmtree(public)


@pytest.mark.parametrize("command", [["status"], ["init", "python"], ["up"]])
def test_a_current_folder_that_is_gone_is_explained(composegen: Cli, tmp_path: Path, command: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    inside = Cli(composegen.home, prefix=("sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh"))
    explained(inside(*command, cwd=gone), 1, "the current folder is gone")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("SSH_PORT=99999", "SSH_PORT is '99999', not a number from 1 to 65535"),
        ("SSH_PORT=0", "SSH_PORT is '0'"),
        ("SSH_PORT=abc", "SSH_PORT is 'abc'"),
        (f"SSH_PORT={'9' * 5000}", "SSH_PORT is '999"),
        ("USER_UID=99999999999", "USER_UID is"),
        ("USER_GID=-1", "USER_GID is"),
        ("COMPOSE_PROJECT_NAME='Bad Name'", "COMPOSE_PROJECT_NAME is 'Bad Name', not a name Compose accepts"),
        ("SSH_USER='bad user'", "SSH_USER is 'bad user'"),
        ("SSH_FORWARD_AGENT=true", "SSH_FORWARD_AGENT is 'true', neither yes nor no"),
        ("SSH_BIND=foo", "SSH_BIND is 'foo'"),
        ("SSH_BIND=fe80::1%eth0", "SSH_BIND is"),
        ("CA_BUNDLE=/etc/a,b.crt", "buildx reads the paths of a build as CSV"),
        ("CA_BUNDLE='/etc/${A}.crt'", "buildx takes it for a variable"),
    ],
)
def test_a_value_that_cannot_be_meant_is_explained(run: Run, tmp_path: Path, line: str, said: str) -> None:
    run("init", "python", "w").ok()
    env = tmp_path / "here/w/.env"
    text = env.read_text()
    name, _, value = line.partition("=")
    env.write_text("".join(f"{each}\n" for each in text.splitlines() if not each.startswith(f"{name}=")) + f"{line}\n")
    explained(run("status", "w"), 2, said)
    again = run("init", "python", "w", "--shm", "2gb")
    explained(again, 2, said)
    assert "hint: mend it in .env: for example " in again.stderr

    env.write_text(text)
    exported = run("status", "w", env={name: value.strip("'")})
    explained(exported, 2, said)
    assert f"hint: unset or correct the exported {name}: for example " in exported.stderr and ".env" not in exported.stderr


def test_a_value_of_env_is_mended_by_the_option_for_it(run: Run, tmp_path: Path) -> None:
    run("init", "python", "w").ok()
    env = tmp_path / "here/w/.env"
    env.write_text(env.read_text().replace("SSH_BIND=127.0.0.1", "SSH_BIND=foo"))
    run("init", "python", "w", "--bind", "127.0.0.1").ok()
    assert "SSH_BIND=127.0.0.1" in env.read_text()


@pytest.mark.parametrize("sign", ['"', ",", "${A}"])
def test_code_and_mounts_may_hold_what_no_build_reads(run: Run, tmp_path: Path, sign: str) -> None:
    source = tmp_path / f"a{sign}b"
    source.mkdir()
    run("init", "python", "w", "--code", str(source), "--mount", f"{source}:/m").ok()
    explained(run("init", "python", "w", cwd=source), 2, "buildx")


@pytest.mark.parametrize("place", ["/dev/stdin", "/dev/fd/0"])
def test_a_key_may_come_through_a_pipe_that_the_shell_opened(run: Run, tmp_path: Path, place: str) -> None:
    run("init", "python", "first").ok()
    key = (tmp_path / "home/.config/composegen/id_ed25519.pub").read_text()
    run("init", "python", "second", "--key", place, stdin=key, timeout=20).ok()
    assert key.split()[1] in (tmp_path / "here/second/.env").read_text()


@pytest.mark.parametrize(("error", "shown"), [(OSError(errno.EACCES, "Permission denied", "x"), True), (OSError("odd"), False)])
def test_only_a_paths_or_disks_refusal_is_taken_for_a_mistake(error: OSError, shown: bool) -> None:
    broken = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @broken.callback(invoke_without_command=True)
    def fail() -> None:
        raise error

    result = CliRunner().invoke(broken, [])
    assert result.exit_code == 1
    assert ("error: x: Permission denied" in result.stderr) is shown
    assert isinstance(result.exception, SystemExit if shown else OSError)
