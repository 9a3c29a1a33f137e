"""`composegen ide` where there is nothing to log in to: what cannot be meant, and what is refused before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import archives
from tests.support.cli import Cli

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture
def folder(tmp_path: Path, composegen: Cli) -> Path:
    composegen("init", "python", str(tmp_path / "work"), "--name", "work", "--user", "root").ok()
    archives.vsix(tmp_path / "work/python.vsix")
    (tmp_path / "work/broken.vsix").write_bytes(b"PK")
    return tmp_path / "work"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["instal", "pycharm"], 2, "did you mean 'install'?"),
        (["install"], 2, "there are pycharm, idea, clion, goland"),
        (["install", "pycharn"], 2, "did you mean 'pycharm'?"),
        (["install", "pycharm", "a", "b"], 2, "one folder at a time, not a and b"),
        (["list", "a", "b"], 2, "one folder at a time"),
        (["install", "pycharm", "--archive", "x", "--build", "1"], 2, "--build chooses from the feed"),
        (["install", "pycharm", "--sha256", "12"], 2, "not 64 hexadecimal digits"),
        (["install", "python.vsix", "--build", "1"], 2, "--build means nothing to `ide install` of an extension"),
        (["install", "pycharm", "--cursor"], 2, "--cursor means nothing to `ide install`"),
        (["remove", "pycharm", "--sha256", "0" * 64], 2, "it takes --build"),
        (["remove", "gateway", "--build", "1"], 2, "--build means nothing to `ide remove` of a program of this machine"),
        (["list", "--build", "1", "--uninstall"], 2, "--build and --uninstall mean nothing to `ide list`"),
        (["install", "broken.vsix"], 1, "broken.vsix is no .vsix, or is damaged"),
        (["install", "none.vsix"], 1, "none.vsix cannot be read: No such file"),
        (["install", "pycharm", "nowhere"], 1, "nowhere"),
        (["install", "pycharm"], 1, "Docker's daemon does not answer"),
        (["install", "python.vsix"], 1, "Docker's daemon does not answer"),
        (["remove", "ms-python.python"], 1, "Docker's daemon does not answer"),
        (["list"], 1, "Docker's daemon does not answer"),
        ([], 1, "Docker's daemon does not answer"),
    ],
)
def test_what_cannot_be_meant_or_done_is_one_sentence(
    folder: Path, composegen: Cli, arguments: list[str], code: int, said: str
) -> None:
    done = composegen("ide", *arguments, cwd=folder, env=NO_ENGINE)
    assert done.code == code and said in done.stderr and "Traceback" not in done.stderr and not done.stdout
