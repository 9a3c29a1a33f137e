"""Places and values that a disk, a shell or a slip may hold: each is one sentence and a hint, and nothing is written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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
        (["loop"], "symbolic links"),
        (["loop/sub"], "symbolic links"),
        (["dangling"], "leads nowhere"),
        (["file/sub"], "is not a folder"),
        (["com,ma"], "CSV"),
        (['quo"te'], "CSV"),
        (["${HOME}"], "variable"),
        (["per%cent"], "web address"),
        (["w", "--key", "pipe"], "is a pipe"),
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
    public = Path("/tmp") / tmp_path.name
    public.mkdir()
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
        ("SSH_PORT=99999", "SSH_PORT is 99999"),
        ("SSH_PORT=0", "SSH_PORT is 0"),
        ("SSH_PORT=abc", "SSH_PORT is 'abc'"),
        ("USER_UID=99999999999", "USER_UID"),
        ("COMPOSE_PROJECT_NAME='Bad Name'", "Bad Name"),
        ("SSH_USER='bad user'", "SSH_USER"),
        ("SSH_BIND=foo", "SSH_BIND"),
    ],
)
def test_a_value_that_cannot_be_meant_is_explained(run: Run, tmp_path: Path, line: str, said: str) -> None:
    run("init", "python", "w").ok()
    env = tmp_path / "here/w/.env"
    text = env.read_text()
    name, _, value = line.partition("=")
    env.write_text("".join(f"{each}\n" for each in text.splitlines() if not each.startswith(f"{name}=")) + f"{line}\n")
    explained(run("status", "w"), 2, said)

    env.write_text(text)
    exported = run("status", "w", env={name: value.strip("'")})
    explained(exported, 2, said)
    assert f"exported {name}" in exported.stderr
