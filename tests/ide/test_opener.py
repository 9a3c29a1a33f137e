"""What opens a link on which machine."""

from __future__ import annotations

import pytest

from composegen.errors import ComposegenError
from composegen.ide.opener import command

LINK = "jetbrains://gateway/ssh/environment?h=a&projectHint=%2Fb"


@pytest.mark.parametrize(
    ("platform", "environ", "there", "argv"),
    [
        ("darwin", {}, {"open"}, ["open", LINK]),
        ("linux", {"DISPLAY": ":0"}, {"xdg-open"}, ["xdg-open", LINK]),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, {"xdg-open"}, ["xdg-open", LINK]),
        ("linux", {"DISPLAY": ":0"}, {"cmd.exe", "xdg-open"}, ["cmd.exe", "/c", "start", LINK.replace("&", "^&")]),
    ],
)
def test_each_platform_has_its_own(platform: str, environ: dict[str, str], there: set[str], argv: list[str]) -> None:
    assert command(LINK, platform=platform, environ=environ, find=lambda name: name in there) == argv


@pytest.mark.parametrize(("environ", "there"), [({"DISPLAY": ":0"}, set()), ({}, {"xdg-open"})])
def test_a_machine_without_one_says_so_and_shows_the_link(environ: dict[str, str], there: set[str]) -> None:
    with pytest.raises(ComposegenError, match="cannot open a link: no ") as raised:
        command(LINK, platform="linux", environ=environ, find=lambda name: name in there)
    assert LINK in str(raised.value.hint)
