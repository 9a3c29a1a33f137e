"""The command line as a whole: the list of commands, their help, and how wrong usage is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from composegen.cli import commands
from composegen.cli.app import app
from composegen.cli.commands import COMMANDS
from tests.support.cli import Cli

GROUP: Any = get_command(app)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_first_line_of_the_commands_own_help(name: str) -> None:
    command = GROUP.get_command(typer.Context(GROUP), name)
    help_text = " ".join(command.help.split("\n\n")[0].split())
    assert help_text.startswith(COMMANDS[name].summary.removesuffix("."))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "rm"])
def test_every_command_shows_an_example_of_itself(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"]).output
    assert f"Example: composegen {name}" in shown


def test_the_overview_is_the_same_with_and_without_typer(composegen: Cli) -> None:
    alone = composegen("--help").ok().stdout
    assert alone == composegen().ok().stdout
    assert alone.strip() == commands.overview()
    assert CliRunner().invoke(app, ["--help"]).output.strip() == commands.overview()


def test_the_overview_fits_a_narrow_terminal_and_begins_with_the_main_job() -> None:
    lines = commands.overview().splitlines()
    assert max(map(len, lines)) <= 120
    names = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")][1:]
    assert names[:3] == ["init", "up", "connect"] and names == list(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lgos"], "error: no command named 'lgos'\n  hint: did you mean 'logs'?"),
        (["init"], "error: missing argument 'STACK'"),
        (["init", "python", "--prot", "3"], "error: no such option: --prot"),
        (["up", "a", "b"], "error: got unexpected extra argument"),
        (["up", "--timeout", "soon"], "error: --timeout"),
        (["up", "--print", "--ssh-config"], "error: --print writes nothing, and --ssh-config does"),
    ],
)
def test_wrong_usage_is_one_fact_and_a_hint_with_exit_code_2(composegen: Cli, arguments: list[str], said: str) -> None:
    result = composegen(*arguments)
    assert result.code == 2
    assert result.stderr.startswith(said), result.stderr
    assert "\n  hint: " in result.stderr and "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["test", "up", "status", "update", "init"])
def test_json_is_one_object_also_where_it_failed(composegen: Cli, tmp_path: Path, command: str) -> None:
    words = [command, "pytroch"] if command == "init" else [command]
    done = composegen(*words, "--json", cwd=tmp_path)
    assert done.code in (1, 2) and done.json["ok"] is False
    assert done.json["error"] in done.stderr and done.json["hint"]


def test_stacks_lists_what_init_can_write(composegen: Cli) -> None:
    listed = composegen("stacks", "--json").ok().json
    assert {entry["name"] for entry in listed} >= {"mindspore", "python"}
    assert {"name", "title", "devices", "versions", "default"} <= listed[0].keys()
    shown = composegen("stacks", "mindspore", "--json").ok().json
    assert shown["devices"] == ["gpu", "cpu", "npu"]
    (usual,) = [each for each in composegen("stacks", "mindspore").ok().stdout.splitlines() if each.startswith("* gpu")]
    assert "CUDA 11.6" in usual and "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha" in usual
    limits, *marked = [line for line in composegen("stacks", "cuda").ok().stdout.splitlines() if "!" in line]
    assert limits.startswith("! on ubuntu18.04: VS Code newer than 1.98 refuses")
    assert marked and all(line.endswith(" !") and "ubuntu18.04" in line for line in marked)
    assert composegen("stacks", "pytroch").code == 2
