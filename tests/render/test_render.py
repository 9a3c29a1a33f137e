"""What the rendered texts mean to other tools: PyYAML, configparser, bash, and a second reading by composegen itself."""

from __future__ import annotations

import ast
import configparser
import json
import subprocess
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen import catalogue, document, dotenv, render
from composegen.ide import jsonc
from composegen.model import Choices, Mount, Settings, record
from composegen.model.record import variant_from

EVERY = [
    Choices(name, device, usual.version, usual.cuda, usual.flavour, init=init, shm=shm)  # type: ignore[arg-type]
    for name, init, shm in product(catalogue.names(), ("supervisor", "tini"), ("", "host", "ipc", "8gb"))
    for device in catalogue.stack(name).devices
    for usual in [catalogue.stack(name).variant(device)]
]
EVERY += [replace(choices, devcontainer=True) for choices in EVERY if (choices.init, choices.shm) == ("supervisor", "")]


class Loader(yaml.SafeLoader):
    """PyYAML that takes Compose's `!reset` for its value."""


Loader.add_constructor("!reset", lambda loader, node: loader.construct_sequence(node))  # type: ignore[arg-type]


def rendered(choices: Choices) -> dict[str, str]:
    return render.render(choices, catalogue.stack(choices.stack))


def supervisord(script: str) -> str:
    """The configuration that container/supervisord.py writes."""
    return next(
        str(node.value.value)
        for node in ast.parse(script).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and ast.unparse(node.targets[0]) == "SUPERVISORD"
    )


def compose(choices: Choices) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(rendered(choices)["compose.yaml"], Loader)
    return loaded


def dev(choices: Choices) -> dict[str, Any]:
    service: dict[str, Any] = compose(choices)["services"]["dev"]
    return service


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_every_text_is_whole_and_marked(choices: Choices) -> None:
    for path, text in rendered(choices).items():
        if path == "code/.gitkeep":
            assert text == ""
            continue
        if path == record.FILE:
            assert variant_from(json.loads(text)) == catalogue.stack(choices.stack).variant_of(choices)
            continue
        assert "Written by composegen" in text
        assert text.endswith("\n") and not text.endswith("\n\n"), f"{path} ends in an odd way"
        assert "{{" not in text and "#%" not in text and "\t" not in text, f"{path} holds an unrendered piece"
        assert not [line for line in text.splitlines() if line != line.rstrip()], f"{path} has trailing blanks"
        assert "\n\n\n" not in text, f"{path} has a hole"


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_the_same_choices_give_the_same_texts_and_can_be_read_back(choices: Choices) -> None:
    texts = rendered(choices)
    assert texts == rendered(choices)
    assert document.choices(texts["compose.yaml"], name="compose.yaml") == choices


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_compose_says_what_was_chosen(choices: Choices) -> None:
    service = dev(choices)
    variant = catalogue.stack(choices.stack).variant(choices.device)
    shm = choices.shm or variant.shm
    assert service["build"]["args"]["BASE_IMAGE"] == f"${{BASE_IMAGE:-{variant.image}}}"
    assert service["ports"] == [{"target": 22, "published": "${SSH_PORT:-2222}", "host_ip": "${SSH_BIND:-127.0.0.1}"}]
    code = {"type": "bind", "source": "${CODE_DIR:-./code}", "target": "/home/code", "bind": {"create_host_path": False}}
    assert code in service["volumes"]
    assert ({"type": "bind", "source": "/dev/shm", "target": "/dev/shm"} in service["volumes"]) == (shm == "host")
    assert service.get("ipc") == ("host" if shm == "ipc" else None)
    assert service.get("shm_size") == (None if shm in ("host", "ipc") else shm)
    assert service.get("init", False) == (choices.init == "tini")
    assert "image" not in service, "`docker compose pull` would ask a registry for our own image"
    reserved = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
    nvidia = [{"driver": "nvidia", "device_ids": ["${GPUS:-all}"], "capabilities": ["gpu"]}]
    assert reserved == (nvidia if choices.device == "gpu" else None)


def test_dev_containers_enter_what_compose_starts_as_the_login_user() -> None:
    choices = Choices("mindspore", "cpu", devcontainer=True)
    found = jsonc.read(rendered(choices)[render.DEVCONTAINER], name="devcontainer.json")
    assert found["service"] in compose(choices)["services"] and found["workspaceFolder"] == "/home/code"
    assert found["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"] == "/usr/local/bin/python"
    assert json.loads(dev(choices)["labels"]["devcontainer.metadata"]) == [{"remoteUser": "${SSH_USER:-root}"}]
    plain, other = replace(choices, devcontainer=False), replace(choices, base="ubuntu:24.04")
    assert render.DEVCONTAINER not in rendered(plain) and "labels" not in dev(plain)
    assert "settings" not in jsonc.read(rendered(other)[render.DEVCONTAINER], name="")["customizations"]["vscode"]


def test_without_a_gpu_the_override_resets_the_devices_only() -> None:
    text = rendered(Choices("mindspore", "gpu"))["compose.nogpu.yaml"]
    service = yaml.load(text, Loader)["services"]["dev"]
    assert service == {
        "deploy": {"resources": {"reservations": {"devices": []}}},
        "environment": {"NVIDIA_VISIBLE_DEVICES": "void"},
    }
    assert "devices: !reset []" in text
    assert "compose.nogpu.yaml" not in rendered(Choices("mindspore", "cpu"))


def test_compose_is_read_in_a_minute() -> None:
    lines = rendered(Choices("mindspore", "gpu"))["compose.yaml"].splitlines()
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) <= 105


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_shell_and_supervisor_files_parse(choices: Choices) -> None:
    texts = rendered(choices)
    for path in ("container/entrypoint.sh", "container/sshd.sh"):
        assert subprocess.run(["bash", "-n"], input=texts[path], text=True, capture_output=True).stderr == ""
    assert ("container/supervisord.py" in texts) == (choices.init == "supervisor")
    if choices.init == "supervisor":
        parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
        parser.read_string(supervisord(texts["container/supervisord.py"]))
        assert parser["program:sshd"]["startsecs"] == "0"
        assert parser["program:sshd"]["command"].endswith("entrypoint.sh sshd")


def test_the_dockerfile_asks_no_registry_for_a_syntax_and_echoes_nothing_with_escapes() -> None:
    for choices in EVERY:
        text = rendered(choices)["Dockerfile"]
        assert "syntax=" not in text and "echo -e" not in text and "chpasswd" not in text


NASTY = ["$HOME", "${X}", "$$", 'a "b" c', "it's", "a: b # c", "- x", "{x}", "*a", "&a", "!t", "no", "1e3", "0x10", " ", "ü密"]
texts_of_any_kind = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30)


@pytest.mark.parametrize("value", NASTY)
def test_values_reach_compose_as_they_are(value: str) -> None:
    _reaches_compose(value)


@settings(deadline=None)
@given(texts_of_any_kind)
def test_any_text_reaches_compose_as_it_is(value: str) -> None:
    _reaches_compose(value)


def _reaches_compose(value: str) -> None:
    mount = Mount(f"/data/{value}", f"/in/{value.replace(':', '')}")
    chosen = Choices("python", "cpu", mounts=(mount,), env=(("NAME", value), ("FROM_ENV", None)))
    service = dev(chosen)
    # What Compose's interpolation makes of a text without references.
    assert service["environment"]["NAME"].replace("$$", "$") == value
    assert service["environment"]["FROM_ENV"] == "${FROM_ENV:-}"
    [volume] = [volume for volume in service["volumes"] if isinstance(volume, dict) and volume["target"] != "/home/code"]
    assert volume["source"].replace("$$", "$") == mount.source
    assert volume["target"].replace("$$", "$") == mount.target
    assert document.choices(rendered(chosen)["compose.yaml"], name="compose.yaml") == chosen


def test_the_example_and_the_written_env_name_the_same_variables() -> None:
    chosen = Choices("python", "cpu", env=(("HF_TOKEN", None),))
    names = [f"{name}=" for name in Settings().to_variables()]
    for text in (render.env(Settings(), chosen), render.env_example(chosen)):
        assert [name for name in names if name not in text] == []
        assert "\nHF_TOKEN=\n" in text


def test_the_env_file_gives_back_every_setting() -> None:
    given_settings = Settings(
        project_name="work",
        port=2200,
        authorized_keys=("ssh-ed25519 AAAA one@host", "ssh-ed25519 BBBB it's #2"),
        password="pa$s#w 'or\" d\\",
        user="alice",
        uid=1000,
        gid=1000,
        code_dir="/home/me/my code",
        gpus="0,1",
    )
    text = render.env(given_settings, Choices("python", "cpu"))
    assert Settings.from_variables(dotenv.parse(text)) == given_settings


def test_users_packages_are_in_their_files() -> None:
    texts = rendered(Choices("python", "cpu", apt=("htop",), pip=("rich>=13",), wheels=("a-1-py3-none-any.whl",)))
    assert texts["apt.txt"].splitlines()[1:] == ["htop"]
    assert texts["requirements.txt"].splitlines()[1:] == ["rich>=13", "./wheels/a-1-py3-none-any.whl"]
    assert "source=wheels" in texts["Dockerfile"]
    assert "source=wheels" not in rendered(Choices("python", "cpu"))["Dockerfile"]
