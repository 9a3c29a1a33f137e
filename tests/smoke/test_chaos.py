"""What `--chaos` and `key-renewal` say of a container that does the wrong thing; test_command.py asks a real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from composegen.errors import EngineError, UsageError
from composegen.model import Finding
from composegen.smoke import Probe, chaos, run
from composegen.smoke.chaos import Seen, Storm
from composegen.testing import run as run_folder
from tests.smoke.fakes import TARGET, FakeDoor, FakeSession, find
from tests.ssh.servers import Server


def said(seen: Seen, method: str) -> Finding:
    probe = Probe("chaos", getattr(Storm(seen), method), needs_session=False)
    (finding,) = run(TARGET, probes=[probe]).findings
    return finding


@pytest.mark.parametrize(
    ("method", "seen", "detail"),
    [
        ("login", Seen((0.5, 2.4, 0.5), "", (1, 9)), "a login took 2.4 s after sshd was killed, not 2 s"),
        (
            "session",
            Seen((0.5,), "the connection ended", (1, 9)),
            "an open session ended when sshd was killed: the connection ended",
        ),
        ("job", Seen((0.5,), "", (7, 7)), "a program that was started before stopped when sshd was killed"),
    ],
)
def test_what_notices_a_killed_sshd_fails(method: str, seen: Seen, detail: str) -> None:
    finding = said(seen, method)
    assert (finding.outcome, finding.detail) == ("fail", detail)
    assert said(Seen((0.5, 1.9), "", (1, 9)), method).outcome == "ok"


def test_where_killing_sshd_would_end_the_container_nothing_is_killed() -> None:
    door = Unkept()
    findings = run(replace(TARGET, door=door), probes=chaos.probes()).findings
    assert {each.outcome for each in findings} == {"skip"}
    assert all("nothing in this container would start sshd again" in each.detail for each in findings)
    assert door.commands == [["bash", "-c", chaos.KEPT]]


def test_without_an_engine_nothing_is_killed() -> None:
    assert {each.outcome for each in run(TARGET, probes=chaos.probes()).findings} == {"skip"}


def test_chaos_is_no_group_unless_it_is_asked_for() -> None:
    with pytest.raises(UsageError, match="no probe named 'chaos'"):
        run_folder(None, None, only=["chaos"])  # type: ignore[arg-type]


# --- key-renewal --------------------------------------------------------------------------------------------------------


@dataclass
class Recording:
    """A door that notes what is done behind it, and lists one key."""

    commands: list[list[str]] = field(default_factory=list)
    listed: list[str] = field(default_factory=lambda: ["ssh-ed25519 AAAA theirs"])

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        self.commands.append([*command])
        return "\n".join(self.listed) if command[0] == "cat" else ""


class Unkept(Recording):
    """In a container whose sshd nobody keeps."""

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        self.commands.append([*command])
        raise EngineError("exit status 1")


def renewal(server: Server, key: Path, door: Recording) -> Finding:
    target = {"address": server.address, "host_key": server.host_key, "key": key, "door": door}
    return find("key-renewal", FakeSession(), **target)


def test_a_key_that_is_added_and_does_not_get_in_is_removed_again_and_fails(server: Server, key: Path) -> None:
    door = Recording()
    finding = renewal(server, key, door)
    assert (finding.outcome, finding.detail) == ("fail", "a key that was added to the running container does not log in")
    _, added, removed = door.commands
    assert added[-1] == removed[-1] and "grep -vxF" in removed[2] and ">>" in added[2]


def test_a_key_that_is_removed_and_still_gets_in_fails(server: Server, key: Path) -> None:
    server.answers.anything = True
    finding = renewal(server, key, Recording())
    assert (finding.outcome, finding.detail) == ("fail", "a key that was removed from the running container still logs in")


def test_where_the_engine_cannot_be_asked_no_key_is_renewed() -> None:
    assert find("key-renewal", FakeSession()).outcome == "skip"
    finding = find("key-renewal", FakeSession(), door=FakeDoor())
    assert (finding.outcome, "the engine cannot be asked" in finding.detail) == ("skip", True)
