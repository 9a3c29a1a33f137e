"""Whatever is typed arrives as that value: the produced files are read back with other tools, PyYAML and Docker Compose itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from composegen import dotenv, render
from composegen.catalogue import stack
from composegen.errors import UsageError
from composegen.folder import open_folder
from composegen.init import Request, prepare, write
from composegen.model import Choices, Mount

nasty = st.text(st.sampled_from("ab '\"$#\\:{}[]&*!|>%@`,-?~\n\té码0n=/"), max_size=24)
printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=24)
names = st.text(st.sampled_from("ab '\"$#\\:{}[]&*!|>%@`,-?~é码0n="), min_size=1, max_size=12).filter(
    lambda name: name.strip(". ") != ""
)

slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Loader(yaml.SafeLoader):
    pass


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def compose(text: str) -> dict[str, Any]:
    found = yaml.load(text, Loader=Loader)
    assert isinstance(found, dict)
    return found


def undoubled(text: str) -> str:
    """A value in compose.yaml as Compose sees it: `$$` is one dollar sign, and there is no other."""
    assert "$" not in text.replace("$$", ""), text
    return text.replace("$$", "$")


@slow
@given(st.dictionaries(st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,8}\Z"), st.one_of(nasty, printable), max_size=4))
def test_a_variable_of_any_value_arrives_in_compose_yaml(tmp_path: Path, values: dict[str, str]) -> None:
    asked = tuple(f"{name}={value}" for name, value in values.items())
    try:
        prepared = prepare(Request("python", tmp_path / "w", env=asked), environment={}, dry_run=True)
    except UsageError:
        return
    text = next(change.text for change in prepared.plan.changes if change.path == "compose.yaml")
    found = compose(text)
    environment = found["services"]["dev"]["environment"]
    assert {name: undoubled(environment[name]) for name in values} == values
    assert set(found["services"]) == {"dev"}


@slow
@given(names, st.text(st.sampled_from("ab '\"$#\\:é码,-"), min_size=1, max_size=10))
def test_a_mount_of_any_path_arrives_in_compose_yaml(source: str, target: str) -> None:
    mount = Mount(f"/tmp/{source}", f"/data/{target}")
    text = render.render(Choices("python", "cpu", mounts=(mount,)), stack("python"))["compose.yaml"]
    binds = [each for each in compose(text)["services"]["dev"]["volumes"] if isinstance(each, dict)]
    assert (mount.source, mount.target) in [(undoubled(each["source"]), undoubled(each["target"])) for each in binds[1:]]


@slow
@given(names, nasty)
def test_every_setting_is_read_back_from_env(tmp_path: Path, name: str, password: str) -> None:
    code = tmp_path / name
    try:
        code.mkdir(exist_ok=True)
        request = Request("python", tmp_path / ".w", code=str(code), password=password)
        prepared = prepare(request, environment={}, dry_run=True)
    except (UsageError, OSError):
        return
    text = next(change.text for change in prepared.plan.changes if change.path == ".env")
    found = dotenv.parse(text)
    assert (found["CODE_DIR"], found.get("SSH_PASSWORD", "")) == (str(code), password)


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker command to compare with")
@few
@given(names, nasty, names, printable)
def test_compose_itself_reads_the_folder_as_it_was_asked_for(
    tmp_path: Path, name: str, value: str, folder_name: str, password: str
) -> None:
    here = tmp_path / "w" / folder_name
    shutil.rmtree(tmp_path / "w", ignore_errors=True)
    mounted = tmp_path / "m" / name
    mounted.mkdir(parents=True, exist_ok=True)
    request = Request("python", here, code=str(mounted), mounts=(f"{mounted}:/data",), env=(f"A={value}",), password=password)
    try:
        write(prepare(request, environment={}, dry_run=True))
    except (UsageError, OSError):
        return
    assert open_folder(here, {}).choices.env == (("A", value),)
    done = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=here,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    dev = found["services"]["dev"]
    sources = {each["target"]: each["source"].replace("$$", "$") for each in dev["volumes"] if each["type"] == "bind"}
    assert sources["/home/code"] == sources["/data"] == str(mounted)
    assert dev["environment"]["A"].replace("$$", "$") == value
    assert found["configs"]["password"]["content"].replace("$$", "$").removesuffix("\n").endswith(f"\n{password}")


HOSTILE = [
    "x\n  evil: true",
    "x: y",
    "*alias",
    "&anchor",
    "!!python/object:x",
    "{a: b}",
    "- x",
    "? x",
    "%TAG",
    "'",
    '"',
    "\\",
    "${X",
    "$(id)",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_breaks_out_of_its_place(tmp_path: Path, value: str) -> None:
    prepared = prepare(Request("python", tmp_path / "w", env=(f"A={value}",)), environment={}, dry_run=True)
    text = next(change.text for change in prepared.plan.changes if change.path == "compose.yaml")
    assert undoubled(compose(text)["services"]["dev"]["environment"]["A"]) == value
    assert "evil" not in compose(text) and "evil" not in compose(text)["services"]["dev"]
