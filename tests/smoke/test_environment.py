"""The probe `environment`: what PID 1 has against what each kind of session sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from composegen.ssh import Result
from tests.smoke.fakes import FakeDoor, FakeSession, find, on_this_machine

CONTAINER = "PATH=/bin\0A=x=y\0EMPTY=\0HOME=/\0HOSTNAME=c\0SSH_PASSWORD=s\0my.name=1\0"
COMMAND, LOGIN, STDIN = 'printf "\\001"; env -0', "$SHELL", 'printf "\\001"; env -0\n'


def sessions(**views: str) -> Callable[[str], Result]:
    """Every kind of session says CONTAINER after some noise, except those that are named."""

    def answer(script: str) -> Result:
        if "/proc/1/environ" in script:
            return Result(0, CONTAINER, "")
        view = "login" if script.startswith(LOGIN) else "stdin" if script.endswith("\n") else "command"
        return Result(0, views.get(view, f"welcome\n\x01{CONTAINER}TERM=x\0"), "")

    return answer


def test_what_all_sessions_see_is_as_in_the_container() -> None:
    finding = find("environment", FakeSession(sessions()))
    assert (finding.outcome, finding.data) == ("ok", {"variables": ["A", "EMPTY", "PATH"]})
    assert finding.detail == "3 variables as in the container"


@pytest.mark.parametrize(
    ("view", "words"), [("command", "a command"), ("login", "a login shell"), ("stdin", "a shell on standard input")]
)
def test_a_kind_of_session_that_differs_is_named_with_the_variables_and_without_their_values(view: str, words: str) -> None:
    finding = find("environment", FakeSession(sessions(**{view: "\x01PATH=/bin\0A=secret\0"})))
    assert (finding.outcome, finding.detail) == ("fail", f"not as in the container: {words} has A, EMPTY otherwise")


def test_of_many_variables_the_first_are_named() -> None:
    door = FakeDoor({"cat /proc/1/environ": "".join(f"V{number}=x\0" for number in range(9))})
    finding = find("environment", FakeSession(sessions(command="\x01")), door=door)
    assert "a command has V0, V1, V2 and 6 more otherwise" in finding.detail
    assert len(finding.data["variables"]["a command"]) == 9


def test_folders_in_front_of_path_are_the_users_own_business() -> None:
    profile = "\x01PATH=/root/.local/bin:/bin\0A=x=y\0EMPTY=\0"
    assert find("environment", FakeSession(sessions(login=profile))).outcome == "ok"
    for lost in ("/usr/bin", "/bin:/usr/bin", "/usr/sbin"):
        finding = find("environment", FakeSession(sessions(login=profile.replace("/root/.local/bin:/bin", lost))))
        assert finding.detail == "not as in the container: a login shell has PATH otherwise"


def test_a_line_break_is_said_and_does_not_fail() -> None:
    door = FakeDoor({"cat /proc/1/environ": f"{CONTAINER}TWO=1\n2\0"})
    finding = find("environment", FakeSession(sessions()), door=door)
    assert (finding.outcome, finding.detail) == ("ok", "3 variables as in the container; TWO cannot be, with a line break")


def test_a_session_that_says_nothing_is_named() -> None:
    finding = find("environment", FakeSession(sessions(login="Press any key")))
    assert finding.detail == "a login shell does not say its environment but 'Press any key'"
    assert "~/.bashrc" in finding.hint


def test_a_container_environment_that_cannot_be_read_is_skipped() -> None:
    nobody = FakeSession(lambda script: Result(1, "", ""))
    assert find("environment", nobody, door=FakeDoor()).outcome == "skip"


def test_the_views_are_what_real_shells_understand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("ODD", "a 'b' \"c\" $d `e`\\n")

    def here(script: str) -> Result:
        return Result(0, "ODD=a 'b' \"c\" $d `e`\\n\0", "") if "/proc/1/environ" in script else on_this_machine(script)

    finding = find("environment", FakeSession(here))
    assert (finding.outcome, finding.detail) == ("ok", "1 variables as in the container")
