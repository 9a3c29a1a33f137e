"""The desktop entry, read by desktop-file-utils' own reader and as the specification says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from composegen.ide.host import desktop

needs_validator = pytest.mark.skipif(
    not shutil.which("desktop-file-validate"), reason="no desktop-file-validate: scripts/install-test-tools.sh"
)


def entry(**changed: str) -> str:
    values = {
        "title": "JetBrains Gateway",
        "comment": "Open a project elsewhere",
        "command": "/usr/local/bin/gateway",
        "icon": "/opt/jetbrains-gateway/JetBrainsGateway-243.1/bin/gateway.svg",
        "window": "jetbrains-gateway",
        "scheme": "jetbrains-gateway",
    }
    return desktop.entry(**{**values, **changed})


def fields(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@needs_validator
@pytest.mark.parametrize(
    "command", ["/usr/local/bin/gateway", "/home/a b/.local/bin/gateway", '/home/a"b\\c$d`e%f/gateway', "/home/é/gateway"]
)
def test_desktop_file_validate_has_nothing_to_say(tmp_path: Path, command: str) -> None:
    path = tmp_path / "jetbrains-gateway.desktop"
    path.write_text(entry(command=command, icon=f"{command}.svg"), encoding="utf-8")
    said = subprocess.run(["desktop-file-validate", str(path)], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_a_plain_path_is_not_quoted_for_generic_xdg_open_would_take_the_quotes_for_a_part_of_it() -> None:
    assert fields(entry())["Exec"] == "/usr/local/bin/gateway %u"


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("/home/a b/x", '"/home/a b/x" %u'),
        ("/home/100%/x", "/home/100%%/x %u"),
        # First the quoting of Exec, then the escapes of every string: `\\` there is `\\\\\\\\` here.
        ("/a$b`c", '"/a\\\\$b\\\\`c" %u'),
        ("/a\\b", '"/a\\\\\\\\b" %u'),
    ],
)
def test_what_exec_holds_is_one_argument_whatever_is_in_the_path(command: str, written: str) -> None:
    assert fields(entry(command=command))["Exec"] == written


def test_no_value_makes_a_line_of_its_own() -> None:
    assert desktop.text(" a\nExec=b\\c") == "\\sa\\nExec=b\\\\c"
