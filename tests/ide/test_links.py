"""Links held against ones that are written out, and read back by the standard library's reader of URLs."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from composegen.ide import CLIENTS, Place, links

PLAIN = Place("composegen-work", "127.0.0.1", 2222, "ada", "/home/code", "/opt/pycharm")
ODD = Place("composegen-work", "fd00::1", 22, r"CORP\ada+b", "/home/wörk space/数据/50%&a=b#c?d'\"\\e^", "/opt/my ide")

WRITTEN = {
    "toolbox": "jetbrains://gateway/ssh/environment?h=composegen-work&launchIde=true&ideHint=PY&projectHint=%2Fhome%2Fcode",
    "gateway": "jetbrains-gateway://connect#host=127.0.0.1&port=2222&user=ada&type=ssh&deploy=true&projectPath=%2Fhome%2Fcode",
    "gateway-backend": "jetbrains-gateway://connect#host=127.0.0.1&port=2222&user=ada&type=ssh&deploy=false"
    "&idePath=%2Fopt%2Fpycharm&projectPath=%2Fhome%2Fcode",
    "vscode": "vscode://vscode-remote/ssh-remote+composegen-work/home/code",
    "vscode-insiders": "vscode-insiders://vscode-remote/ssh-remote+composegen-work/home/code",
    "cursor": "cursor://vscode-remote/ssh-remote+composegen-work/home/code",
    "windsurf": "windsurf://vscode-remote/ssh-remote+composegen-work/home/code",
    "zed": "zed://ssh/composegen-work/home/code",
}


def test_every_link_is_as_written_out() -> None:
    assert links(PLAIN) == WRITTEN


def test_without_a_backend_there_is_no_link_to_one() -> None:
    assert links(PLAIN).keys() - links(replace(PLAIN, backend="")).keys() == {"gateway-backend"}


def test_spaces_and_letters_of_any_language_are_utf_8_in_percent_signs() -> None:
    found = links(replace(PLAIN, project="/home/wörk space"))
    assert found["vscode"] == "vscode://vscode-remote/ssh-remote+composegen-work/home/w%C3%B6rk%20space"
    assert found["toolbox"].endswith("&projectHint=%2Fhome%2Fw%C3%B6rk%20space")
    assert found["gateway"].endswith("&projectPath=%2Fhome%2Fw%C3%B6rk%20space")


@pytest.mark.parametrize("place", [PLAIN, ODD])
@pytest.mark.parametrize("name", [client.name for client in CLIENTS])
def test_every_link_is_read_back_to_the_same_place(name: str, place: Place) -> None:
    link = links(place)[name]
    # Nothing that a shell, cmd or PowerShell takes for its own inside of double quotes, and nothing outside of ASCII.
    assert re.fullmatch(r"[A-Za-z0-9._~:/?#&=+%-]+", link)
    parts = urlsplit(link)
    if name == "toolbox":
        values = parse_qs(parts.query, strict_parsing=True)
        assert (values["h"], values["projectHint"]) == ([place.alias], [place.project])
    elif name.startswith("gateway"):
        values = parse_qs(parts.fragment, strict_parsing=True)
        assert [values[key] for key in ("host", "port", "user", "projectPath")] == [
            [place.host],
            [str(place.port)],
            [place.user],
            [place.project],
        ]
        assert values.get("idePath") == ([place.backend] if name == "gateway-backend" else None)
    else:
        host, slash, path = parts.path.removeprefix("/").removeprefix("ssh-remote+").partition("/")
        assert (host, unquote(slash + path)) == (place.alias, place.project)
        assert not parts.query and not parts.fragment
