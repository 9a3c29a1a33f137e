"""`connect --write-ide-config` on folders of code as people have them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from composegen.errors import ComposegenError, FolderError
from composegen.folder import Folder
from composegen.ide import Place
from composegen.model import Choices, Settings
from composegen.ssh.address import Address
from composegen.up import ide_config
from composegen.up.state import Connection
from composegen.up.ways import Ways

PYTHON = "/usr/local/bin/python"
SETTINGS = ".vscode/settings.json"
RUN = ".run/work.run.xml"
MINE = '{\r\n  // mine\r\n  "editor.rulers": [100],\r\n}\r\n'


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code/.vscode").mkdir(parents=True)
    return tmp_path / "code"


def written(code: Path, interpreter: str = PYTHON) -> ide_config.IdeConfig:
    config = prepared(code, interpreter)
    ide_config.write(config)
    return config


def prepared(code: Path, interpreter: str = PYTHON, why: str = "") -> ide_config.IdeConfig:
    folder = Folder(code.parent, Choices("python", "cpu"), Settings(project_name="work"))
    address = Address("127.0.0.1", 2222, "ada")
    connection = Connection("work", address, interpreter, "./code")
    place = Place("composegen-work", address.host, address.port, address.user, "/home/code")
    return ide_config.prepare(folder, Ways(connection, place, "", None, why_unseen=why))


def kinds(config: ide_config.IdeConfig) -> dict[str, str]:
    return {change.path: change.kind for change in config.plan.changes}


def test_both_files_are_written_and_the_second_run_changes_nothing(code: Path) -> None:
    (code / "train.py").touch()
    assert kinds(written(code)) == {SETTINGS: "create", RUN: "create"}
    assert json.loads((code / SETTINGS).read_text()) == {
        "python.defaultInterpreterPath": PYTHON,
        "python.testing.pytestEnabled": True,
        "python.testing.unittestEnabled": False,
    }
    configuration = ET.parse(code / RUN).getroot().find("configuration")
    assert configuration is not None and configuration.get("type") == "PythonConfigurationType"
    options = {each.get("name"): each.get("value") for each in configuration.iter("option")}
    assert (options["SDK_HOME"], options["SCRIPT_NAME"]) == (PYTHON, "$PROJECT_DIR$/train.py")
    assert sorted(path.name for path in code.iterdir()) == [".run", ".vscode", "train.py"]
    before = {file: (code / file).stat() for file in (SETTINGS, RUN)}
    again = written(code)
    assert set(kinds(again).values()) == {"identical"} and not again.kept
    assert {file: (code / file).stat() for file in (SETTINGS, RUN)} == before


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_what_is_there_keeps_comments_line_ends_and_bom(code: Path, bom: bytes) -> None:
    (code / SETTINGS).write_bytes(bom + MINE.encode())
    (code / SETTINGS).chmod(0o640)
    written(code)
    found = (code / SETTINGS).read_bytes()
    assert found.startswith(bom + b'{\r\n  // mine\r\n  "editor.rulers": [100],\r\n  "python.defaultInterpreterPath": ')
    assert found.endswith(b"false,\r\n}\r\n") and found.count(b"\n") == found.count(b"\r\n") == 7
    assert (code / SETTINGS).stat().st_mode & 0o777 == 0o640


def test_a_value_of_ones_own_wins_and_is_told(code: Path) -> None:
    mine = '{"python.testing.unittestEnabled": true, "python.defaultInterpreterPath": "/opt/venv/bin/python"}\n'
    (code / SETTINGS).write_text(mine)
    (code / ".run").mkdir()
    (code / RUN).write_text('<component><configuration><option name="SDK_HOME" value="/opt/python" /></configuration></component>')
    config = written(code)
    assert set(kinds(config).values()) == {"identical"} and (code / SETTINGS).read_text() == mine
    assert config.kept == (
        f'{SETTINGS} keeps its own python.defaultInterpreterPath: "/opt/venv/bin/python", not "{PYTHON}"',
        f"{SETTINGS} keeps its own python.testing.unittestEnabled: true, not false",
        f"{RUN} keeps its own SDK_HOME: /opt/python, not {PYTHON}",
    )


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (SETTINGS, b'{"a": 1', "no JSON with comments: line 1, column 8"),
        (SETTINGS, b"[]", "holds no JSON object"),
        (SETTINGS, b"\xff{}", "is not UTF-8 text"),
        (RUN, b"<component>", "is no XML"),
    ],
)
def test_what_cannot_be_merged_is_one_sentence_and_nothing_is_written(code: Path, file: str, content: bytes, says: str) -> None:
    (code / file).parent.mkdir(exist_ok=True)
    (code / file).write_bytes(content)
    with pytest.raises(FolderError, match=says) as refused:
        written(code)
    assert "\n" not in refused.value.message
    assert [path for path in code.rglob("*") if path.is_file()] == [code / file] and (code / file).read_bytes() == content


def test_a_link_out_of_the_code_is_refused_and_one_inside_stays_one(code: Path) -> None:
    (code.parent / "dotfiles.json").write_text("{}\n")
    (code / SETTINGS).symlink_to("../../dotfiles.json")
    with pytest.raises(FolderError, match="outside the folder"):
        written(code)
    assert (code.parent / "dotfiles.json").read_text() == "{}\n" and not (code / ".run").exists()
    (code / SETTINGS).unlink()
    (code / "shared.json").write_text("{}\n")
    (code / SETTINGS).symlink_to("../shared.json")
    written(code)
    assert (code / SETTINGS).is_symlink() and PYTHON in (code / "shared.json").read_text()


def test_a_file_where_a_folder_must_be_is_refused_and_nothing_is_written(code: Path) -> None:
    (code / ".run").write_text("mine")
    with pytest.raises(FolderError, match="cannot write"):
        written(code)
    assert not (code / SETTINGS).exists()


def test_no_code_and_no_interpreter_are_one_sentence_each(code: Path) -> None:
    with pytest.raises(ComposegenError, match="the interpreter is not known: the container is exited"):
        prepared(code, "", "the container is exited")
    (code / ".vscode").rmdir()
    code.rmdir()
    with pytest.raises(FolderError, match="there is no folder"):
        prepared(code)


def test_in_a_git_repository_the_diff_is_gits(code: Path) -> None:
    (code / SETTINGS).write_text(MINE.replace("\r", ""))
    git = ["git", "-C", str(code), "-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "mine"]):
        subprocess.run([*git, *words], check=True)
    diff = "".join(change.diff for change in prepared(code).plan.changes if change.path == SETTINGS)
    assert subprocess.run([*git, "apply", "-"], input=diff, text=True).returncode == 0
    applied = (code / SETTINGS).read_text()
    subprocess.run([*git, "checkout", "-q", SETTINGS], check=True)
    written(code)
    assert (code / SETTINGS).read_text() == applied


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_new_files_belong_to_whoever_the_code_belongs_to(code: Path) -> None:
    os.chown(code, 1234, 1235)
    (code / ".vscode").rmdir()
    written(code)
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in code.rglob("*")}
    assert owners == {(1234, 1235)}
